import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, once, type Round } from '../fault.ts'

const group = 'clocks'

/** Its monotonic clocks are other ones than those of the process before it, by so many seconds. */
function startedAt(seconds: number): Round {
  return once(async ({ proxy, changes }) => {
    await proxy.stop()
    await changes.make()
    const offsets = ['--monotonic', String(seconds), '--boottime', String(seconds)]
    proxy.start({ through: ['unshare', '--time', ...offsets, '--fork', '--kill-child'] })
    await proxy.told('node-in-sync')
    await changes.make()
  })
}

export const clockFaults: readonly Fault[] = [
  {
    name: 'the process is suspended, as with its machine',
    group,
    rounds: ({ extent }) => [
      once(async ({ proxy, changes }) => {
        proxy.signal('SIGSTOP')
        await changes.make()
        await sleep(extent === 'long' ? 120_000 : 10_000)
        proxy.signal('SIGCONT')
      }),
    ],
  },
  {
    name: 'started a year later, and 5 minutes earlier, by the monotonic clock',
    group,
    rounds: () => [startedAt(365 * 86_400), startedAt(-300)],
  },
]
