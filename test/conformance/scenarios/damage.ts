import { setTimeout as sleep } from 'node:timers/promises'
import type { IpFamily } from '@portolan/core'
import { targetOf } from '../case-objects.ts'
import { type Check, runCheck } from '../check.ts'
import { describeDrift } from '../driver.ts'
import { Fixture, type ServiceState } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import type { Client, Destination } from '../matrix-case.ts'
import { at } from '../matrix-case.ts'
import { type EndpointHost, place } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

const claims = {
  wholeOrNothing: {
    feature: 'atomicChange',
    name: 'a change that meets a damaged kernel state is applied whole or refused whole',
    // A mechanism that damage doesn't keep from applying anything refuses nothing.
    holdsWithout: ['atomicChange'],
  },
  stillServed: {
    feature: 'basics',
    name: 'a change that meets a damaged kernel state takes no Service away that the damage has left',
  },
  isUnchanged: {
    feature: 'basics',
    name: 'a dataplane whose kernel state was damaged never says that it is unchanged',
  },
  healed: {
    feature: 'basics',
    name: 'reconciling finds every damage that was done from outside, and repairs it',
  },
} as const satisfies Record<string, RowClaim>

/** More ways than any dataplane has. */
const maxWays = 20

export const damageScenario: Scenario = {
  name: 'damage from outside',
  claims: Object.values(claims).map((claim) => ({ ...claim, needs: 'sabotage' as const })),
  long: true,
  async run({ factory, settings, families, hooks, timeouts }) {
    const { sabotage } = hooks
    if (sabotage === undefined)
      throw new Error(
        'only the author knows how to damage the kernel state: give the kit the hook `sabotage`',
      )
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(testbed)
      await testbed.driver.start()
      const wholes = new Map(families.map((family) => [family, [] as string[]]))
      const served = new Map(families.map((family) => [family, [] as string[]]))
      const healed = new Map(families.map((family) => [family, [] as string[]]))
      const unaware = new Map(families.map((family) => [family, [] as string[]]))
      let ways = 0
      for (let way = 0; way < maxWays; way++) {
        const fixtures = families.map((family, index) => trio(testbed, way * 8 + index * 4, family))
        for (const { leaving, staying, coming } of fixtures) {
          await coming.serveEndpoints({ endpoints: at('pod0') })
          for (const fixture of [leaving, staying]) await fixture.become({ endpoints: at('pod0', 'remote0') })
        }
        await testbed.driver.sync()
        if (!(await sabotage(testbed.lab.node.networkNamespace, way))) break
        ways += 1
        for (const family of families)
          if (await testbed.dataplane.isUnchanged(family)) unaware.get(family)?.push(`way ${way}: it says so`)
        const noticed = new Set((await testbed.driver.drift()).map(({ family }) => family))
        for (const family of families)
          if (!noticed.has(family)) healed.get(family)?.push(`way ${way}: the damage goes unnoticed`)
        const changing = fixtures.map(async ({ family, leaving, staying, coming }) => {
          await staying.serveEndpoints(changed)
          const endOfLeaving = await watch(leaving)
          const endOfStaying = await watch(staying, 'connecting')
          leaving.undeclare()
          staying.declare({ service: { affinitySeconds: 60 }, ...changed })
          coming.declare({ endpoints: at('pod0') })
          const refused = await testbed.driver.sync([family]).then(
            () => false,
            () => true,
          )
          const kept = await endOfStaying()
          const whole = refused
            ? [...(await endOfLeaving()).changes, ...kept.changes, ...(await servedAnyway(coming))]
            : []
          note(
            wholes,
            family,
            way,
            whole.map((failure) => `the change was refused, and yet ${failure}`),
          )
          note(served, family, way, kept.losses)
        })
        await Promise.all(changing)
        await testbed.driver.reconcile()
        const checking = fixtures.map(async ({ family, leaving, staying, coming }) => {
          const wrong = await Promise.all([leaving, staying, coming].map((fixture) => check(fixture)))
          const drift = (await testbed.driver.drift([family])).map(describeDrift)
          healed.get(family)?.push(...[...wrong.flat(), ...drift].map((failure) => `way ${way}: ${failure}`))
        })
        await Promise.all(checking)
      }
      if (ways === 0) throw new Error('the hook `sabotage` knows no way to damage anything')
      return families.flatMap((family): Verdict[] => [
        { claim: claims.wholeOrNothing, family, protocol: 'any', failures: wholes.get(family) ?? [] },
        { claim: claims.stillServed, family, protocol: 'any', failures: served.get(family) ?? [] },
        { claim: claims.isUnchanged, family, protocol: 'any', failures: unaware.get(family) ?? [] },
        { claim: claims.healed, family, protocol: 'any', failures: healed.get(family) ?? [] },
      ])
    } finally {
      await testbed.close()
    }
  },
}

function trio(testbed: Testbed, first: number, family: Fixture['family']) {
  const fixture = (offset: number) => new Fixture(testbed, place(first + offset), family, 'TCP')
  return { family, leaving: fixture(0), staying: fixture(1), coming: fixture(2) }
}

type FailuresByFamily = ReadonlyMap<IpFamily, string[]>

function note(all: FailuresByFamily, family: IpFamily, way: number, failures: readonly string[]): void {
  all.get(family)?.push(...failures.map((failure) => `way ${way}: ${failure}`))
}

/** What the staying Service is to become. */
const changed: ServiceState = { endpoints: at('pod1', 'remote0') }
const clients = ['pod', 'outside'] as const
const destinations = ['ClusterIP', 'LoadBalancer', 'NodePort'] as const
/** Enough that a new endpoint among two would hardly hide. */
const tries = 8

interface Watched {
  /** What is otherwise than before the change. */
  readonly changes: readonly string[]
  /** What was served before the change and is served no more, neither as before nor as asked. */
  readonly losses: readonly string[]
}

/**
 * Looks what of a Service the damage has left, and may connect to that all the time until the function given is called:
 * the Service is to stay with the endpoints that it has, or to get those that it is to have.
 */
async function watch(fixture: Fixture, meanwhile?: 'connecting'): Promise<() => Promise<Watched>> {
  const had = ['pod0', 'remote0'].map((host) => fixture.nameOf(host as EndpointHost))
  const gets = changed.endpoints.map(({ host }) => fixture.nameOf(host))
  const left = (
    await Promise.all(
      clients.flatMap((client) =>
        destinations.map(async (to) => {
          const answers = await asked(fixture, client, to, fixture.timeouts.outageMs)
          return answers.every((by) => had.includes(by)) ? [{ client, to }] : []
        }),
      ),
    )
  ).flat()
  const isServed =
    meanwhile === 'connecting' && left.some(({ client, to }) => client === 'pod' && to === 'ClusterIP')
  const listener = new Fixture(fixture.testbed, fixture.place, fixture.family, 'TCP')
  const loops = await Promise.all(
    (isServed ? [listener, listener.beside('UDP')] : []).map((one) =>
      one.connectAllTheTime('pod', 'ClusterIP', 'dense'),
    ),
  )
  await sleep(loops.length > 0 ? fixture.timeouts.betweenChangesMs : 0)
  return async () => {
    for (const end of loops) await end({ endpoints: [...had, ...gets] })
    const now = await Promise.all(
      left.map(async ({ client, to }) => {
        const answers = await asked(fixture, client, to, fixture.timeouts.answerMs)
        return answers.map((by) => ({
          by,
          what: `${client} to ${to} of ${fixture.place.name} is now answered by: ${by}`,
        }))
      }),
    )
    const isNot = (names: readonly string[]) => [
      ...new Set(now.flat().flatMap(({ by, what }) => (names.includes(by) ? [] : [what]))),
    ]
    return {
      changes: [...listener.failures, ...isNot(had)],
      losses: [...listener.failures, ...isNot([...had, ...gets])],
    }
  }
}

/** Who answers, several times; what happens instead where nothing does. */
function asked(
  fixture: Fixture,
  client: Client,
  to: Destination,
  timeoutMs: number,
): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: tries }, async () => {
      const answer = await fixture.ask(client, to, undefined, timeoutMs)
      return answer.result === 'answered' ? `${answer.address}|${answer.port}` : answer.result
    }),
  )
}

/** A refused program must not have begun to serve the new Service. */
async function servedAnyway(coming: Fixture): Promise<string[]> {
  const served = await Promise.all(
    destinations.map(async (to) => {
      const answer = await coming.ask('pod', to, undefined, coming.timeouts.outageMs)
      return answer.result === 'answered' && answer.host !== 'internet'
        ? [`its new Service is served at ${to}`]
        : []
    }),
  )
  return served.flat()
}

async function check(fixture: Fixture): Promise<string[]> {
  const { testbed, family, place } = fixture
  const found = await Promise.all(
    (['pod', 'outside', 'node'] as const).flatMap((client) =>
      fixture.served(...destinations).map((to) => {
        const one: Check = {
          client,
          origin: testbed.origin(client, family),
          protocol: 'TCP',
          family,
          testbed,
          ...targetOf(to, place, family),
        }
        return runCheck(one, testbed.cluster.table(family))
      }),
    ),
  )
  return found.flat()
}
