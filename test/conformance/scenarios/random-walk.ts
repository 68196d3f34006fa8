import { targetOf } from '../case-objects.ts'
import { type Check, expectedOf, runCheck } from '../check.ts'
import { describeDrift } from '../driver.ts'
import { Fixture } from '../fixture.ts'
import { serveInternet } from '../internet.ts'
import { place } from '../place.ts'
import { Random } from '../random.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed, type Testbed } from '../testbed.ts'
import { WalkChoices, walkHosts } from '../walk-choices.ts'

const claims = {
  packets: {
    feature: 'basics',
    name: 'after hundreds of random changes packets go as if the last state had been the first',
  },
  drift: {
    feature: 'basics',
    name: 'at no point of hundreds of random changes does the kernel differ from the table',
  },
} as const satisfies Record<string, RowClaim>

const seeds = [1, 2, 3]
const changesPerSeed = 150
/** Changes between two comparisons of the kernel with the table. */
const auditEvery = 25
const services = 14

/** Whatever order changes come in, only the last state counts. The seed that failed is told. */
export const randomWalkScenario: Scenario = {
  name: 'random changes',
  claims: Object.values(claims),
  long: true,
  async run({ factory, settings, families, capabilities, timeouts }) {
    const choices = new WalkChoices(capabilities)
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      await serveInternet(
        testbed,
        families.flatMap((family) =>
          Array.from({ length: services }, (_, index) => place(index)).flatMap((one) =>
            (['ExternalIP', 'LoadBalancer'] as const).map((to) => targetOf(to, one, family)),
          ),
        ),
      )
      await testbed.driver.start()
      const fixtures = Array.from(
        { length: services },
        (_, index) => new Fixture(testbed, place(index), families[0] ?? 'IPv4', 'TCP'),
      )
      await Promise.all(
        fixtures.map((fixture) => fixture.serveEndpoints({ endpoints: walkHosts.map((host) => ({ host })) })),
      )
      const drifts: string[] = []
      for (const seed of seeds) {
        const random = new Random(seed)
        for (let change = 1; change <= changesPerSeed; change++) {
          // Sometimes several Services at once, as a slow kernel makes of many events.
          const touched = random.chance(0.7) ? [random.pick(nonEmpty(fixtures))] : random.some(fixtures, 0.4)
          for (const fixture of touched) {
            if (random.chance(0.15)) fixture.undeclare()
            else fixture.declare(choices.state(random, fixture.place))
          }
          await testbed.driver.sync()
          if (change % auditEvery > 0) continue
          for (const drift of await testbed.driver.drift())
            drifts.push(`seed ${seed}, change ${change}: ${describeDrift(drift)}`)
        }
      }
      return await Promise.all(
        families.flatMap((family): Promise<Verdict>[] => [
          checkAll(testbed, fixtures, family, choices).then((failures) => ({
            claim: claims.packets,
            family,
            protocol: 'any',
            failures: failures.map((failure) => `after seeds ${seeds.join(', ')}: ${failure}`),
          })),
          Promise.resolve({
            claim: claims.drift,
            family,
            protocol: 'any',
            failures: drifts.filter((drift) => drift.includes(family)),
          }),
        ]),
      )
    } finally {
      await testbed.close()
    }
  },
}

async function checkAll(
  testbed: Testbed,
  fixtures: readonly Fixture[],
  family: Fixture['family'],
  choices: WalkChoices,
): Promise<string[]> {
  const table = testbed.cluster.table(family)
  const asked = fixtures.flatMap(({ place }) =>
    choices.clients.flatMap((client) =>
      choices.destinations.flatMap((to) =>
        choices.protocols
          .map((protocol): Check => {
            const origin = testbed.origin(client, family)
            return {
              client,
              origin,
              protocol,
              family,
              testbed,
              ...targetOf(to, place, family),
            }
          })
          .filter((check) => choices.asks(client, to, check.origin.address, expectedOf(check, table))),
      ),
    ),
  )
  const found = await Promise.all(asked.map((check) => runCheck(check, table)))
  return found.flat()
}

function nonEmpty<Value>(values: readonly Value[]): readonly [Value, ...Value[]] {
  const [first, ...rest] = values
  if (first === undefined) throw new RangeError('nothing to pick from')
  return [first, ...rest]
}
