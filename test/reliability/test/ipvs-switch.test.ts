import { fileURLToPath } from 'node:url'
import { missingForVm, runToTheEnd } from '@portolan/vm'
import test from 'ava'
import { switchComplaints } from '../dataplane-switch.ts'
import type { GuestOutcome } from '../ipvs-switch-guest.ts'

// In a virtual machine, as few machines to develop on have IPVS. docs/changing.md has the command that goes all ways.

const program = fileURLToPath(new URL('../ipvs-switch-guest.ts', import.meta.url))

/** To IPVS where its rules come first at their hook, and from it. */
const way = ['nftables', 'ipvs', 'iptables']
const timeoutSeconds = 1500
const silenceSeconds = 600

if (process.arch !== 'x64') {
  test.skip(`on a second kernel: ${missingForVm().join('; ')}`, () => {})
} else {
  test('a node goes from another dataplane to IPVS and on, and no packet and no connection is lost', async (t) => {
    t.timeout((timeoutSeconds + 60) * 1000)
    const outcomes: GuestOutcome[] = []
    await runToTheEnd({
      next() {
        const rest = way.slice(outcomes.length)
        return rest.length < 2 ? undefined : [process.execPath, program, ...rest]
      },
      cwd: import.meta.dirname,
      silenceSeconds,
      timeoutSeconds,
      onLine(line) {
        if (line.startsWith('{')) outcomes.push(JSON.parse(line) as GuestOutcome)
      },
      onLoss: (reason) => t.log(`the VM was lost: ${reason}`),
    })
    t.deepEqual(
      outcomes.map(({ to }) => to),
      way.slice(1),
    )
    t.deepEqual(outcomes.flatMap(switchComplaints), [])
    for (const { load } of outcomes)
      t.true(load.tried > 0 && load.asked > 0 && load.said > 0, JSON.stringify(load))
  })
}
