import { network } from '@portolan/lab'
import { targetOf } from '../case-objects.ts'
import { type Check, runCheck } from '../check.ts'
import { describeDrift } from '../driver.ts'
import { serveInternet } from '../internet.ts'
import type { Client, Destination, EndpointShape } from '../matrix-case.ts'
import type { ServiceShape } from '../objects.ts'
import { type EndpointHost, place } from '../place.ts'
import { Random } from '../random.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { type Moment, Stage } from '../stage.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

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

const hosts: readonly EndpointHost[] = ['pod0', 'pod1', 'remote0', 'remote1', 'remote2', 'remote3', 'remote4']
const policies = ['Cluster', 'Local'] as const
const ranges: readonly [readonly string[], ...(readonly string[])[]] = [
  [],
  [network.IPv4.clusterCidr, network.IPv6.clusterCidr],
  [`${network.IPv4.outside}/32`, `${network.IPv6.outside}/128`],
  ['192.0.2.0/24'],
]

/** Whatever order changes come in, only the last state counts. The seed that failed is told. */
export const randomWalkScenario: Scenario = {
  name: 'random changes',
  claims: Object.values(claims),
  async run({ factory, settings, families }) {
    const testbed = await createTestbed({ factory, settings, families })
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
      const stages = Array.from(
        { length: services },
        (_, index) => new Stage(testbed, place(index), families[0] ?? 'IPv4', 'TCP'),
      )
      await Promise.all(
        stages.map((stage) => stage.serveEndpoints({ endpoints: hosts.map((host) => ({ host })) })),
      )
      const drifts: string[] = []
      for (const seed of seeds) {
        const random = new Random(seed)
        for (let change = 1; change <= changesPerSeed; change++) {
          // Sometimes several Services at once, as a slow kernel makes of many events.
          const touched = random.chance(0.7) ? [random.pick(nonEmpty(stages))] : random.some(stages, 0.4)
          for (const stage of touched) {
            if (random.chance(0.15)) stage.undeclare()
            else stage.declare(randomMoment(random))
          }
          await testbed.driver.sync()
          if (change % auditEvery > 0) continue
          for (const drift of await testbed.driver.drift())
            drifts.push(`seed ${seed}, change ${change}: ${describeDrift(drift)}`)
        }
      }
      return await Promise.all(
        families.flatMap((family): Promise<Verdict>[] => [
          checkAll(testbed, stages, family).then((failures) => ({
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

function randomMoment(random: Random): Moment {
  const [low, high] = [random.pick([0.1, 0.3, 0.5]), random.chance(0.2)]
  const members = random.some(hosts, high ? 1 : low)
  const service: Partial<ServiceShape> = {
    internalTrafficPolicy: random.pick(policies),
    externalTrafficPolicy: random.pick(policies),
    sourceRanges: random.pick(ranges),
    ...(random.chance(0.3) ? { affinitySeconds: random.pick([1, 60]) } : {}),
    ...(random.chance(0.2) ? { externalIPs: [] } : {}),
    ...(random.chance(0.2) ? { loadBalancer: [] } : {}),
  }
  return { service, endpoints: members.map((host) => randomEndpoint(random, host)) }
}

function randomEndpoint(random: Random, host: EndpointHost): EndpointShape {
  if (random.chance(0.8)) return { host }
  return { host, ready: false, serving: random.chance(0.7), terminating: random.chance(0.7) }
}

async function checkAll(
  testbed: Testbed,
  stages: readonly Stage[],
  family: Stage['family'],
): Promise<string[]> {
  const table = testbed.cluster.table(family)
  const clients: Client[] = ['pod', 'endpoint', 'node', 'outside']
  const destinations: Destination[] = ['ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort']
  const found = await Promise.all(
    stages.flatMap(({ place }) =>
      clients.flatMap((client) =>
        destinations.flatMap((to) =>
          (['TCP', 'UDP'] as const).map((protocol) => {
            const origin = testbed.origin(client, family)
            const check: Check = { client, origin, protocol, ...targetOf(to, place, family) }
            return runCheck(check, table)
          }),
        ),
      ),
    ),
  )
  return found.flat()
}

function nonEmpty<Value>(values: readonly Value[]): readonly [Value, ...Value[]] {
  const [first, ...rest] = values
  if (first === undefined) throw new RangeError('nothing to pick from')
  return [first, ...rest]
}
