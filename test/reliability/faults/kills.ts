import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { damage } from '../damage.ts'
import { type Fault, once, type Round } from '../fault.ts'
import type { Scene } from '../scene.ts'

const group = 'kill -9'

/** What a start tells of itself, in its order. */
const stages = ['starting', 'dataplane-usable', 'cluster-synced', 'first-apply', 'node-in-sync'] as const
const milliseconds = {
  short: [0, 5],
  usual: [0, 1, 2, 4, 7, 12, 20, 35],
  long: [0, 1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 28, 37, 50, 70, 100],
}

function atStage(event: (typeof stages)[number], laterMs: number): Round {
  return once(
    async ({ proxy, changes }) => {
      await proxy.kill()
      await changes.make()
      await changes.churn(20)
      proxy.start()
      await proxy.told(event)
      await sleep(laterMs)
      await proxy.kill()
    },
    { mayEnd: true },
  )
}

function afterChange(laterMs: number): Round {
  return once(
    async ({ proxy, changes }) => {
      await changes.churn(20)
      await changes.make()
      await sleep(laterMs)
      await proxy.kill()
    },
    { mayEnd: true },
  )
}

/** While a program that it has started writes to the kernel. */
function whileToolRuns(whom: 'proxy' | 'tool'): Round {
  return once(
    async ({ proxy, changes }) => {
      const { pid } = proxy
      const after = proxy.lines.length
      const hasFailed = () => proxy.lines.slice(after).some(({ event }) => event === 'apply-failed')
      const end = performance.now() + 20_000
      while (performance.now() < end) {
        await changes.make()
        const tool = await nextToolOf(pid)
        if (tool !== undefined && whom === 'proxy') return await proxy.kill()
        if (tool !== undefined) kill(tool)
        await sleep(tool === undefined ? 0 : 500)
        // One that had done its work already fails no apply.
        if (hasFailed()) return
      }
      throw new Error(`no iptables-restore was ${whom === 'proxy' ? 'seen' : 'interrupted'} within 20 s`)
    },
    whom === 'proxy' ? { mayEnd: true } : {},
  )
}

export const killFaults: readonly Fault[] = [
  {
    name: 'of the process, at each stage of its start',
    group,
    rounds: ({ extent }) =>
      stages.flatMap((event) =>
        (extent === 'long' ? [0, 5, 15, 40] : [0]).map((laterMs) => atStage(event, laterMs)),
      ),
  },
  {
    name: 'of the process, so many ms after a change, under churn',
    group,
    rounds: ({ extent }) => milliseconds[extent].map(afterChange),
  },
  {
    name: 'of the process, while it repairs damage',
    group,
    losesPackets: 'until it is repaired',
    rounds: ({ dataplane }) => [
      once(
        async ({ proxy, lab, changes }) => {
          const after = proxy.lines.length
          await damage(dataplane, lab, 0)
          await proxy.told('drift-found', { after })
          await proxy.kill()
          await changes.make()
        },
        { mayEnd: true },
      ),
    ],
  },
  {
    name: 'of the process, or of the tool, while iptables-restore runs',
    group,
    dataplanes: ['iptables'],
    rounds: ({ extent }) =>
      Array.from({ length: extent === 'long' ? 5 : 1 }).flatMap(() => [
        whileToolRuns('proxy'),
        whileToolRuns('tool'),
      ]),
  },
  {
    name: 'SIGTERM, as an upgrade does',
    group,
    rounds: () => [
      once(
        async ({ proxy, changes }: Scene) => {
          await changes.make()
          await proxy.stop()
        },
        { mayEnd: true },
      ),
    ],
  },
]

async function nextToolOf(pid: number): Promise<number | undefined> {
  for (let look = 0; look < 200; look++) {
    const tool = toolOf(pid)
    if (tool !== undefined) return tool
    await sleep(1)
  }
  return undefined
}

/** A child of the process that is an iptables-restore. Its main thread has started it. */
function toolOf(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return children.map(Number).find((child) => {
      const command = readFileSync(`/proc/${child}/cmdline`, 'utf8')
      return command.includes('tables') && command.includes('restore')
    })
  } catch {
    return undefined
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was quicker.
  }
}
