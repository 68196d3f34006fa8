import { fileURLToPath } from 'node:url'
import { missingForVm, runToTheEnd } from '@portolan/vm'
import test from 'ava'
import { kernelChecks } from './kernel-checks.ts'

/** The real kernel: Debian's, in a virtual machine that boots once for all, since few machines to develop on have IPVS. */

const program = fileURLToPath(new URL('./kernel-guest.ts', import.meta.url))
const timeoutSeconds = 1500

/** A check takes seconds; its machine may share the cores with another one. */
const silenceSeconds = 240

/** What is known of each claim: its failure, or `undefined`. */
const known = new Map<string, string | undefined>()
let running: Promise<void> | undefined

/** Checks that a lost machine hasn't told about are made in the next. */
function runChecks(): Promise<void> {
  return runToTheEnd({
    next() {
      const open = kernelChecks.map(({ claim }) => claim).filter((claim) => !known.has(claim))
      return open.length === 0 ? undefined : [process.execPath, program, JSON.stringify(open)]
    },
    cwd: import.meta.dirname,
    silenceSeconds,
    timeoutSeconds,
    onLine(line) {
      if (!line.startsWith('{')) return
      const { claim, failure } = JSON.parse(line) as { claim: string; failure?: string }
      known.set(claim, failure)
    },
    onLoss: (reason) => console.error(`the VM with the checks was lost: ${reason}`),
  })
}

if (process.arch !== 'x64') {
  test.skip(`on a second kernel: ${missingForVm().join('; ')}`, () => {})
} else {
  for (const { claim } of kernelChecks)
    test(claim, async (t) => {
      t.timeout((timeoutSeconds + 60) * 1000)
      running ??= runChecks()
      await running
      t.true(known.has(claim), 'the checks in the VM have not told about it')
      t.is(known.get(claim), undefined)
    })
}
