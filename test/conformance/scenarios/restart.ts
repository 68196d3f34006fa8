import { setTimeout as sleep } from 'node:timers/promises'
import { remotePodAddress } from '@portolan/lab'
import { describeDrift, orderTrap } from '../driver.ts'
import { serveInternet } from '../internet.ts'
import { at } from '../matrix-case.ts'
import { type EndpointHost, place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { Stage } from '../stage.ts'
import { createTestbed } from '../testbed.ts'

const claims = {
  noLoss: {
    feature: 'basics',
    name: 'a process that stops and one that starts lose no connection, neither new nor established',
  },
  nothingToDo: {
    feature: 'basics',
    name: 'a new process that finds its table in the kernel has nothing to do',
  },
  onlyTheDifference: {
    feature: 'basics',
    name: 'what changed while no process ran is applied at the next start',
  },
  affinity: {
    feature: 'affinity',
    name: 'clients stay with their endpoints across a restart',
  },
} as const satisfies Record<string, RowClaim>

const clients = Array.from({ length: 20 }, (_, index) => index)
const sticky = { affinitySeconds: 600 }

/** A new process is a new instance that knows nothing: neither what was applied, nor which numbers were given. */
export const restartScenario: Scenario = {
  name: 'restart',
  claims: Object.values(claims),
  async run({ factory, settings, families, patience }) {
    const testbed = await createTestbed({ factory, settings, families, patience })
    try {
      await serveInternet(testbed)
      const stages = families.map((family, index) => ({
        family,
        plain: new Stage(testbed, place(index * 4), family, 'TCP'),
        sticky: new Stage(testbed, place(index * 4 + 1), family, 'TCP'),
        changing: new Stage(testbed, place(index * 4 + 2), family, 'TCP'),
        gone: new Stage(testbed, place(index * 4 + 3), family, 'TCP'),
      }))
      await testbed.driver.start()
      for (const stage of stages) {
        // An order of endpoints that has a history, which the next process can't know.
        await stage.plain.become({ endpoints: at('remote1', 'remote2', 'remote3') })
        await stage.plain.become({ endpoints: at('pod0', 'remote0', 'remote1') })
        await stage.sticky.become({ service: sticky, endpoints: at('pod0', 'pod1') })
        await stage.changing.become({ endpoints: at('remote0') })
        await stage.gone.become({ endpoints: at('remote0') })
      }
      await testbed.driver.sync()

      const judged = await Promise.all(
        stages.map(async (stage) => ({
          ...stage,
          endpoints: await endpointsOfClients(stage.sticky),
          stillHeld: await stage.plain.hold('outside', 'NodePort', 6),
          loopEnds: await loopsOf(stage.plain),
        })),
      )
      const idle = await restartUnchanged(testbed)
      for (const { changing, gone } of judged) {
        await changing.serveEndpoints({ endpoints: at('pod1') })
        changing.declare({ endpoints: at('pod1') })
        gone.undeclare()
      }
      await testbed.restart()

      const verdicts: Verdict[] = []
      const tell = (claim: RowClaim, stage: (typeof judged)[number], failures: readonly string[]) =>
        verdicts.push({ claim, family: stage.family, protocol: 'any', failures })
      for (const stage of judged) {
        const { family, plain, changing, gone } = stage
        const members: EndpointHost[] = ['pod0', 'remote0', 'remote1']
        for (const loopEnds of stage.loopEnds)
          await loopEnds({ endpoints: members.map((host) => plain.nameOf(host)) })
        await stage.stillHeld()
        tell(claims.noLoss, stage, plain.failures)
        tell(
          claims.nothingToDo,
          stage,
          idle
            .filter((one) => one.family === family)
            .map((one) => `${describeDrift(one)}${orderTrap(testbed.dataplane)}`),
        )

        const now = await changing.serverFor('pod', 'ClusterIP')
        changing.expect(now === changing.nameOf('pod1'), `the changed Service is served by ${now}`)
        const left = await gone.ask('pod', 'LoadBalancer')
        const answered = left.result === 'answered' && left.host !== 'internet'
        changing.expect(!answered, 'the Service that was deleted meanwhile is still served')
        const drift = await testbed.driver.drift([family])
        tell(claims.onlyTheDifference, stage, [...changing.failures, ...drift.map(describeDrift)])

        const after = await endpointsOfClients(stage.sticky)
        const moved = stage.endpoints.filter((endpoint, index) => endpoint !== after[index]).length
        stage.sticky.expect(moved === 0, `${moved} of ${clients.length} clients moved`)
        tell(claims.affinity, stage, stage.sticky.failures)
      }
      return verdicts
    } finally {
      await testbed.close()
    }
  },
}

/** TCP alone would hide an outage of a second: its clients send their first packet again. */
function loopsOf(stage: Stage) {
  return Promise.all([
    stage.connectAllTheTime('pod', 'ClusterIP', 'dense'),
    stage.beside('UDP').connectAllTheTime('pod', 'ClusterIP', 'dense'),
  ])
}

/** Stops and starts twice; gives what the new instances found to do about a table that nobody had changed. */
async function restartUnchanged(testbed: Awaited<ReturnType<typeof createTestbed>>) {
  const found = []
  for (let turn = 0; turn < 2; turn++) {
    await sleep(testbed.patience.processRunsMs)
    await testbed.stopProcess()
    await sleep(testbed.patience.processIsAwayMs)
    await testbed.startProcess()
    found.push(...(await testbed.driver.drift()))
    await testbed.driver.reconcile()
  }
  return found
}

function endpointsOfClients(stage: Stage): Promise<string[]> {
  return Promise.all(
    clients.map((index) =>
      stage.serverFor('remotePod', 'ClusterIP', remotePodAddress(stage.family, 100 + index)),
    ),
  )
}
