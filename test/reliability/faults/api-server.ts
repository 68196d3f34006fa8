import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault as Answer } from '@portolan/api-server'
import { type Extent, type Fault, once } from '../fault.ts'
import type { FaultyAnswers } from '../faulty-server.ts'
import { type Scene, untilRight } from '../scene.ts'

const group = 'API server'

/** The embedded one takes changes while nobody reaches it. */
async function changeIfReached({ server, changes }: Scene): Promise<void> {
  if (server.answers !== undefined) await changes.make()
}

async function changeIfNotYet({ server, changes }: Scene): Promise<void> {
  if (server.answers === undefined) await changes.make()
}

export const apiServerFaults: readonly Fault[] = [
  {
    name: 'away, and started again',
    group,
    rounds: ({ extent }) => [
      once(async (scene) => {
        await scene.server.kill()
        await changeIfReached(scene)
        await sleep(extent === 'long' ? 180_000 : 5_000)
        await scene.server.start()
        await changeIfNotYet(scene)
      }),
    ],
  },
  {
    name: 'refuses connections',
    group,
    rounds: ({ extent }) => [
      once(async ({ link, server, changes }) => {
        await link.refuse()
        server.answers?.resetConnections()
        await changes.make()
        await sleep(extent === 'long' ? 120_000 : 3_000)
        await link.join()
      }),
    ],
  },
  {
    name: 'link cut, changed meanwhile',
    group,
    rounds: ({ extent }) => [
      once(async ({ link, changes }) => {
        await link.cut()
        await changes.make()
        await sleep(extent === 'long' ? 120_000 : 8_000)
        await link.join()
      }),
    ],
  },
  {
    name: 'frozen',
    group,
    rounds: ({ extent }) => [
      once(async (scene) => {
        scene.server.freeze()
        await changeIfReached(scene)
        await sleep(extent === 'long' ? 120_000 : 8_000)
        scene.server.thaw()
        await changeIfNotYet(scene)
      }),
    ],
  },
  {
    name: 'history compacted (410)',
    group,
    rounds: () => [
      once(async ({ server, changes }) => {
        await changes.make()
        await server.compact()
        await changes.make()
      }),
    ],
  },
  {
    name: 'old data after a restore of etcd',
    group,
    rounds: () => [
      once(async (scene) => {
        await scene.server.backUp()
        await scene.changes.make()
        const { wrong } = await untilRight(scene)
        if (wrong.length > 0) throw new Error(`not right before the restore:\n${wrong.join('\n')}`)
        await scene.server.restore()
        scene.changes.goBack(1)
      }),
    ],
  },
  {
    name: 'connections reset, again and again',
    group,
    needsAnswers: true,
    rounds: ({ extent }) => [
      once(async ({ server, changes }) => {
        for (let turn = 0; turn < (extent === 'long' ? 500 : 20); turn++) {
          server.answers?.resetConnections()
          await sleep(100)
          if (turn % 4 === 0) await changes.make()
        }
      }),
    ],
  },
  {
    name: 'watches end with an error, or with bytes that are no event',
    group,
    needsAnswers: true,
    rounds: () =>
      [410, 500, 'garbage' as const].map((how) =>
        once(async ({ server, changes }) => {
          server.answers?.failWatches(how)
          await changes.make()
        }),
      ),
  },
  answersOf(
    'refuses requests (429, 503, 500)',
    [429, 503, 500].map((status) => ({ kind: 'status', status })),
  ),
  answersOf('forbids (403)', [{ kind: 'forbidden', user: 'node' }]),
  answersOf('slow', [{ kind: 'slow', delayMs: 2000 }]),
  answersOf('never answers', [{ kind: 'hang' }]),
  answersOf('half an answer, or a login page', [{ kind: 'truncated' }, { kind: 'html' }]),
]

/** While all requests are answered so, connections end, so that it must ask. */
function answersOf(name: string, answers: readonly Answer[]): Fault {
  const during = async (scene: Scene, faulty: FaultyAnswers, answer: Answer, extent: Extent) => {
    faulty.break(answer)
    faulty.resetConnections()
    await scene.changes.make()
    await sleep(extent === 'long' ? 60_000 : 3_000)
    faulty.heal()
    // What was asked meanwhile is never answered; as a load balancer does that gives up.
    if (answer.kind === 'hang') faulty.resetConnections()
  }
  return {
    name,
    group,
    needsAnswers: true,
    rounds: ({ extent }) =>
      answers.map((answer) =>
        once(async (scene) => {
          if (scene.server.answers !== undefined) await during(scene, scene.server.answers, answer, extent)
        }),
      ),
  }
}
