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
 *    await conformanceInVm({ test, underTest: import.meta.resolve('./under-test.ts'), filter: inShort })
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
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheFolder, missingForVm, runInVm, vmKernelRelease, wasKilled } from '@portolan/vm'
import { patienceOf } from './patience.ts'
import type { Row } from './row.ts'
import { type DataplaneUnderTest, familiesOf } from './run.ts'
import {
  declareRows,
  isSameRow,
  type RowToBe,
  rowsToBe,
  type SuiteOptions,
  type TestFunction,
} from './suite.ts'
import { type GuestRequest, readToldRows } from './vm-guest-talk.ts'

export { inShort } from './short.ts'

export interface VmSuiteOptions
  extends Pick<SuiteOptions, 'settings' | 'families' | 'filter' | 'slowness' | 'print'> {
  readonly test: TestFunction
  /** The module whose default export is the {@link DataplaneUnderTest}, as a URL. */
  readonly underTest: string
}

/**
 * How much slower than this machine the guest is, with some to spare for other tests that run at the same time. Programs
 * take 15 to 20 times as long; but most waits of the kit are hundreds of times longer than what they wait for.
 */
const slownessOfVm = 5

/** How many machines may have their Node killed, one after the other; see `wasKilled`. */
const mostBoots = 5

/** Declares the rows of the kit as tests that run on the second kernel. Wait for it: the module is loaded first. */
export async function conformanceInVm(options: VmSuiteOptions): Promise<void> {
  const { test, underTest, settings = {}, filter, slowness = slownessOfVm, print } = options
  if (process.arch !== 'x64') {
    ;(test.skip ?? test)(`on a second kernel: ${missingForVm().join('; ')}`, async (t) => {
      t.pass()
    })
    return
  }
  const { factory } = ((await import(underTest)) as { default: DataplaneUnderTest }).default
  const { capabilities } = factory({ masqueradeBit: 14, settings })
  const families = familiesOf(capabilities, options)
  const rows = rowsToBe(families, filter)
  const { suiteMs } = patienceOf(slowness)
  let guest: Guest | undefined
  declareRows({
    test,
    rows,
    where: `, on ${vmKernelRelease() ?? 'a second kernel'}`,
    // The machine is given up first, and says why.
    timeoutMs: suiteMs + 60_000,
    resultOf(row) {
      guest ??= new Guest(
        { underTest, settings, families, claims: [...new Set(rows.map(({ name }) => name))], slowness },
        suiteMs / 1000,
      )
      return guest.resultOf(row)
    },
    ...(print === undefined ? {} : { print }),
  })
}

/** The kit in the guest, and what it has told so far. */
class Guest {
  readonly #known: Row[] = []
  #ended: Error | undefined
  /** Called whenever there is news. */
  readonly #waiting = new Set<() => void>()

  constructor(request: GuestRequest, timeoutSeconds: number) {
    this.#run(request, timeoutSeconds)
      .catch((error: Error) => error)
      .then((end) => {
        this.#ended = end
        this.#tellAll()
      })
  }

  /** @throws when the kit ends without having told about it */
  async resultOf(row: RowToBe): Promise<Row> {
    for (;;) {
      const found = this.#known.find((one) => isSameRow(one, row))
      if (found !== undefined) return found
      if (this.#ended !== undefined) throw this.#ended
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /**
   * Runs the kit; gives what became of it, for those who are told nothing. One that was killed gets another machine for
   * what is missing.
   */
  async #run(request: GuestRequest, timeoutSeconds: number): Promise<Error> {
    let { claims } = request
    const deadline = performance.now() + timeoutSeconds * 1000
    for (let boot = 1; ; boot++) {
      const left = (deadline - performance.now()) / 1000
      const exitCode = await this.#boot({ ...request, claims }, left)
      if (!wasKilled(exitCode) || boot === mostBoots) return ended(exitCode)
      const told = new Set(this.#known.map(({ name }) => name))
      claims = claims.filter((name) => !told.has(name))
      process.stderr.write(`${ended(exitCode).message}; once more, for ${claims.length} claims\n`)
    }
  }

  /** @returns the exit code */
  async #boot(request: GuestRequest, timeoutSeconds: number): Promise<number> {
    const stdout = new PassThrough()
    const allRead = readToldRows(stdout, (row) => {
      this.#known.push(row)
      this.#tellAll()
    })
    const { exitCode } = await runInVm([process.execPath, program, JSON.stringify(request)], {
      cwd: dirname(fileURLToPath(request.underTest)),
      env: { ...process.env, NODE_COMPILE_CACHE: await compiledPrograms(request) },
      stdout,
      timeoutSeconds,
    })
    stdout.end()
    await allRead
    return exitCode
  }

  #tellAll(): void {
    for (const tell of this.#waiting) tell()
    this.#waiting.clear()
  }
}

function ended(exitCode: number): Error {
  return new Error(`the kit in the VM ended with exit code ${exitCode}, and hadn't told about every row`)
}

const program = fileURLToPath(new URL('./vm-guest.ts', import.meta.url))

/**
 * Compiles the programs here, where that takes a second, for the guest, where it takes ten: Node keeps what it has
 * compiled in a folder. Running the kit with nothing to prove loads all of them.
 */
async function compiledPrograms(request: GuestRequest): Promise<string> {
  const folder = join(cacheFolder(), 'compiled')
  await promisify(execFile)(process.execPath, [program, JSON.stringify({ ...request, claims: [] })], {
    env: { ...process.env, NODE_COMPILE_CACHE: folder },
  })
  return folder
}
