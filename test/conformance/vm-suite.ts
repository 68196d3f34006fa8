/**
 * The kit on a second kernel, Debian's in QEMU (see @portolan/vm), as a part of `npm test`.
 *
 * 1. Nothing of a running program reaches the guest but files, so what the kit has to know of the dataplane is a module
 *    of its own, `under-test.ts`, which the test on this kernel uses as well:
 *
 *    ```ts
 *    import type { DataplaneUnderTest } from '@portolan/conformance'
 *    import { foreign, sabotage } from './damage.ts'
 *    import factory from './index.ts'
 *
 *    const underTest: DataplaneUnderTest = {
 *      factory,
 *      module: import.meta.resolve('./index.ts'),
 *      hooks: { sabotage, foreign },
 *    }
 *
 *    export default underTest
 *    ```
 *
 * 2. `conformance.test.ts`, on this kernel:
 *
 *    ```ts
 *    conformance({ test, ...underTest })
 *    ```
 *
 * 3. `other-kernel.test.ts`, on Debian's:
 *
 *    ```ts
 *    await conformanceInVm({ test, underTest: import.meta.resolve('./under-test.ts'), ...inShort() })
 *    ```
 *
 * Every row is a test here with the title that it has on this kernel and the guest's release, and is told as soon as its
 * scenario has ended. The machine boots when the first of them runs, once for all; the kit runs in one process there.
 * What is missing for a VM fails the tests with the command that gets it; only a machine that can have none (another
 * architecture) declares one skipped test.
 *
 * The claims to prove are chosen here: `filter` may be any function. Without one the whole kit runs; {@link inShort} is a
 * selection for a dataplane whose whole kit passes on this kernel.
 */
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder, missingForVm, runToTheEnd, vmKernelRelease } from '@portolan/vm'
import { checkCapabilities } from './declared-capabilities.ts'
import { type GuestFollower, GuestRows } from './guest-rows.ts'
import { type DataplaneUnderTest, familiesOf } from './run.ts'
import { declareRows, rowsToBe, type SuiteOptions, type TestFunction } from './suite.ts'
import type { GuestRequest } from './vm-guest-talk.ts'

export { inShort } from './short.ts'

export interface VmSuiteOptions
  extends Pick<SuiteOptions, 'settings' | 'families' | 'inTurns' | 'filter' | 'slowness' | 'print'> {
  readonly test: TestFunction
  /** The module whose default export is the {@link DataplaneUnderTest}, as a URL. */
  readonly underTest: string
}

/**
 * How much slower than this machine the guest is, with some to spare for other tests that run at the same time. Programs
 * take 15 to 20 times as long; but most waits of the kit are hundreds of times longer than what they wait for.
 */
const slownessOfVm = 5

/** For all rows, in all machines together. IPVS, the only one that proves everything there, takes 12 minutes. */
const suiteSeconds = 40 * 60

/** No scenario takes a third of it. */
const silenceSeconds = 8 * 60

/** Declares the rows of the kit as tests that run on the second kernel. Wait for it: the module is loaded first. */
export async function conformanceInVm(options: VmSuiteOptions): Promise<void> {
  const { test, underTest, settings = {}, inTurns = false, filter, slowness = slownessOfVm, print } = options
  if (process.arch !== 'x64') {
    test.skip(`on a second kernel: ${missingForVm().join('; ')}`, async () => {})
    return
  }
  const { factory } = ((await import(underTest)) as { default: DataplaneUnderTest }).default
  const { capabilities } = factory
  checkCapabilities(capabilities)
  const families = options.families ?? capabilities.families
  const rows = rowsToBe((scenario) => familiesOf(capabilities, options, scenario), filter)
  let guest: GuestRows | undefined
  declareRows({
    test,
    rows,
    capabilities,
    // Nothing is known to be missing there: a row that was not proved has failed.
    where: `, on ${vmKernelRelease() ?? 'a second kernel'}`,
    // The machine is given up first, and says why.
    timeoutMs: (suiteSeconds + 60) * 1000,
    resultOf(row) {
      guest ??= new GuestRows(rows, (follow) =>
        runInGuest({ underTest, settings, families, inTurns, slowness }, follow),
      )
      return guest.resultOf(row)
    },
    ...(print === undefined ? {} : { print }),
  })
}

async function runInGuest(request: Omit<GuestRequest, 'claims'>, { openClaims, ...follow }: GuestFollower) {
  const env = { ...process.env, NODE_COMPILE_CACHE: await compiledPrograms(request) }
  await runToTheEnd({
    ...follow,
    next: () => {
      const claims = openClaims()
      return claims.length === 0
        ? undefined
        : [process.execPath, program, JSON.stringify({ ...request, claims } satisfies GuestRequest)]
    },
    cwd: dirname(fileURLToPath(request.underTest)),
    env,
    silenceSeconds,
    timeoutSeconds: suiteSeconds,
  })
}

const program = fileURLToPath(new URL('./vm-guest.ts', import.meta.url))

/**
 * Compiles the programs here, where that takes a second, for the guest, where it takes ten: Node keeps what it has
 * compiled in a folder. Running the kit with nothing to prove loads all of them.
 */
async function compiledPrograms(request: Omit<GuestRequest, 'claims'>): Promise<string> {
  const folder = process.env.NODE_COMPILE_CACHE ?? join(cacheFolder(), 'compiled')
  const nothing: GuestRequest = { ...request, claims: [] }
  await promisify(execFile)(process.execPath, [program, JSON.stringify(nothing)], {
    env: { ...process.env, NODE_COMPILE_CACHE: folder },
    timeout: 120_000,
  })
  return folder
}
