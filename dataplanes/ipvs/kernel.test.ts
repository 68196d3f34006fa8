import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { missingForVm, runInVm, wasKilled } from '@portolan/vm'
import test from 'ava'
import { kernelChecks } from './kernel-checks.ts'

/** The real kernel: Debian's, in a virtual machine that boots once for all, since few machines to develop on have IPVS. */

const program = fileURLToPath(new URL('./kernel-guest.ts', import.meta.url))
const timeoutSeconds = 900
const mostBoots = 4

let running: Promise<ReadonlyMap<string, string | undefined>> | undefined

/** What failed, by claim; of checks that were killed what the next machine says. */
async function runChecks(): Promise<ReadonlyMap<string, string | undefined>> {
  for (let boot = 1; ; boot++) {
    const { exitCode, results } = await runInMachine()
    if (!wasKilled(exitCode) || boot === mostBoots) return results
  }
}

async function runInMachine() {
  const stdout = new PassThrough()
  let told = ''
  stdout.on('data', (data) => {
    told += data
  })
  const { exitCode } = await runInVm([process.execPath, program], {
    cwd: import.meta.dirname,
    stdout,
    timeoutSeconds,
  })
  const results = told
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { claim: string; failure?: string })
  if (exitCode !== 0) console.error(`the checks ended with exit code ${exitCode}`)
  return { exitCode, results: new Map(results.map(({ claim, failure }) => [claim, failure])) }
}

if (process.arch !== 'x64') {
  test.skip(`on a second kernel: ${missingForVm().join('; ')}`, () => {})
} else {
  for (const { claim } of kernelChecks)
    test(claim, async (t) => {
      t.timeout((mostBoots * timeoutSeconds + 60) * 1000)
      running ??= runChecks()
      const results = await running
      t.true(results.has(claim), 'the checks in the VM have not told about it')
      t.is(results.get(claim), undefined)
    })
}
