import { setTimeout as sleep } from 'node:timers/promises'
import { remotePodAddress } from '@portolan/lab'
import { describeDrift, orderTrap } from '../driver.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { at } from '../matrix-case.ts'
import { type EndpointHost, place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed } from '../testbed.ts'

const claims = {
  noLoss: {
    feature: 'outlivesProcess',
    name: 'a process that stops and one that starts lose no connection, neither new nor established',
  },
  nothingToDo: {
    feature: 'outlivesProcess',
    name: 'a new process that finds its table in the kernel has nothing to do',
  },
  onlyTheDifference: {
    feature: 'basics',
    name: 'what changed while no process ran is applied at the next start',
  },
  affinity: {
    feature: 'affinity',
    name: 'clients stay with their endpoints across a restart',
    also: ['outlivesProcess'],
  },
} as const satisfies Record<string, RowClaim>

const clients = Array.from({ length: 20 }, (_, index) => index)
const sticky = { affinitySeconds: 600 }

/** A new process is a new instance that knows nothing: neither what was applied, nor which numbers were given. */
export const restartScenario: Scenario = {
  name: 'restart',
  claims: Object.values(claims),
  async run({ factory, settings, families, timeouts }) {
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(testbed)
      const fixtures = families.map((family, index) => ({
        family,
        plain: new Fixture(testbed, place(index * 4), family, 'TCP'),
        sticky: new Fixture(testbed, place(index * 4 + 1), family, 'TCP'),
        changing: new Fixture(testbed, place(index * 4 + 2), family, 'TCP'),
        gone: new Fixture(testbed, place(index * 4 + 3), family, 'TCP'),
      }))
      await testbed.driver.start()
      for (const fixture of fixtures) {
        // An order of endpoints that has a history, which the next process can't know.
        await fixture.plain.become({ endpoints: at('remote1', 'remote2', 'remote3') })
        await fixture.plain.become({ endpoints: at('pod0', 'remote0', 'remote1') })
        await fixture.sticky.become({ service: sticky, endpoints: at('pod0', 'pod1') })
        await fixture.changing.become({ endpoints: at('remote0') })
        await fixture.gone.become({ endpoints: at('remote0') })
      }
      await testbed.driver.sync()

      const judged = await Promise.all(
        fixtures.map(async (fixture) => ({
          ...fixture,
          endpoints: await endpointsOfClients(fixture.sticky),
          stillHeld: await fixture.plain.hold('outside', fixture.plain.nodePort, 6),
          loopEnds: await loopsOf(fixture.plain),
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
      const tell = (claim: RowClaim, fixture: (typeof judged)[number], failures: readonly string[]) =>
        verdicts.push({ claim, family: fixture.family, protocol: 'any', failures })
      for (const fixture of judged) {
        const { family, plain, changing, gone } = fixture
        const members: EndpointHost[] = ['pod0', 'remote0', 'remote1']
        for (const loopEnds of fixture.loopEnds)
          await loopEnds({ endpoints: members.map((host) => plain.nameOf(host)) })
        await fixture.stillHeld()
        tell(claims.noLoss, fixture, plain.failures)
        tell(
          claims.nothingToDo,
          fixture,
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
        tell(claims.onlyTheDifference, fixture, [...changing.failures, ...drift.map(describeDrift)])

        const after = await endpointsOfClients(fixture.sticky)
        const moved = fixture.endpoints.filter((endpoint, index) => endpoint !== after[index]).length
        fixture.sticky.expect(moved === 0, `${moved} of ${clients.length} clients moved`)
        tell(claims.affinity, fixture, fixture.sticky.failures)
      }
      return verdicts
    } finally {
      await testbed.close()
    }
  },
}

/** TCP alone would hide an outage of a second: its clients send their first packet again. */
function loopsOf(fixture: Fixture) {
  return Promise.all([
    fixture.connectAllTheTime('pod', 'ClusterIP', 'dense'),
    fixture.beside('UDP').connectAllTheTime('pod', 'ClusterIP', 'dense'),
  ])
}

/** Stops and starts twice; gives what the new instances found to do about an unchanged table. */
async function restartUnchanged(testbed: Awaited<ReturnType<typeof createTestbed>>) {
  const found = []
  for (let turn = 0; turn < 2; turn++) {
    await sleep(testbed.timeouts.processRunsMs)
    await testbed.stopProcess()
    await sleep(testbed.timeouts.processIsAwayMs)
    await testbed.startProcess()
    found.push(...(await testbed.driver.drift()))
    await testbed.driver.reconcile()
  }
  return found
}

function endpointsOfClients(fixture: Fixture): Promise<string[]> {
  return Promise.all(
    clients.map((index) =>
      fixture.serverFor('remotePod', 'ClusterIP', remotePodAddress(fixture.family, 100 + index)),
    ),
  )
}
