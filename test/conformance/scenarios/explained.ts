import {
  type Dataplane,
  type Evaluation,
  evaluate,
  type IpFamily,
  type Packet,
  parseAddress,
  stepText,
} from '@portolan/core'
import { network } from '@portolan/lab'
import { Fixture, type ServiceState } from '../fixture.ts'
import { at, type Client } from '../matrix-case.ts'
import { namespace } from '../objects.ts'
import { otherPort, place, unallocatedClusterIP } from '../place.ts'
import type { RowClaim, Verdict } from '../row.ts'
import type { Scenario } from '../scenario.ts'
import { createTestbed, type Testbed } from '../testbed.ts'

const claims = {
  observed: {
    feature: 'basics',
    name: "each step that explain shows of a packet's way is found in the kernel",
  },
  missing: {
    feature: 'basics',
    name: "of a Service that the kernel lacks, or has with other endpoints, explain names the steps, and of no other's",
  },
} as const satisfies Record<string, RowClaim>

const everyone: readonly Client[] = ['pod', 'node', 'outside', 'endpoint']

/** Services of every kind of way: balanced, kept, restricted, refused, dropped. */
const states: readonly ServiceState[] = [
  { endpoints: at('pod0', 'remote0') },
  { service: { affinitySeconds: 600 }, endpoints: at('pod0', 'remote0') },
  { service: { externalTrafficPolicy: 'Local' }, endpoints: at('remote0') },
  {
    service: { sourceRanges: [`${network.IPv4.outside}/32`, `${network.IPv6.outside}/128`] },
    endpoints: at('pod0'),
  },
  { endpoints: [] },
]

/** The Service that goes from the kernel, and the one whose endpoints become others there. */
const [gone, changed] = [0, 1] as const

/** What `explain --from kernel` does: the steps of a trace, compared with what the dataplane reads back. */
export const explainedScenario: Scenario = {
  name: 'what explain says',
  claims: Object.values(claims),
  async run({ factory, settings, families, timeouts }) {
    const testbed = await createTestbed({ factory, settings, families, timeouts })
    try {
      const nothing = await Promise.all(families.map((family) => testbed.dataplane.observe(family)))
      await testbed.driver.start()
      const fixtures = states.map(
        (_, index) => new Fixture(testbed, place(index), families[0] ?? 'IPv4', 'TCP'),
      )
      for (const [index, fixture] of fixtures.entries()) fixture.declare(states[index] ?? { endpoints: [] })
      await testbed.driver.sync()
      const before = await Promise.all(families.map((family) => compared(testbed, family)))

      fixtures[gone]?.undeclare()
      fixtures[changed]?.declare({ ...states[changed], endpoints: at('pod1', 'remote1') })
      await testbed.driver.sync()
      return (
        await Promise.all(
          families.map(async (family, index): Promise<Verdict[]> => {
            const ways = before[index] ?? []
            return [
              { claim: claims.observed, family, protocol: 'any', failures: ways.flatMap(whatIsWrong) },
              {
                claim: claims.missing,
                family,
                protocol: 'any',
                failures: await whatIsMissed(testbed, family, ways, nothing[index]),
              },
            ]
          }),
        )
      ).flat()
    } finally {
      await testbed.close()
    }
  },
}

type Steps = ReturnType<Dataplane['trace']>

/** One packet's way, and what of it the kernel lacks. */
interface Way {
  readonly who: string
  readonly service: string
  readonly evaluation: Evaluation
  readonly steps: Steps
  readonly lacks: readonly string[]
}

async function compared(testbed: Testbed, family: IpFamily): Promise<Way[]> {
  const table = testbed.cluster.table(family)
  const observed = await testbed.dataplane.observe(family)
  return packetsOf(testbed, family).map(({ client, packet }) => {
    const evaluation = evaluate(table, packet)
    const steps = testbed.dataplane.trace(table, evaluation)
    const service = 'route' in evaluation ? evaluation.route.name : ''
    const who = `${client} to ${packet.destination} port ${packet.port}`
    return { who, service, evaluation, steps, lacks: lacksOf(steps, observed) }
  })
}

function lacksOf(steps: Steps, observed: unknown): string[] {
  return steps.flatMap((step) => (typeof step === 'string' ? [] : (step.lacks?.(observed) ?? [])))
}

function whatIsWrong({ who, lacks, steps }: Way): string[] {
  const unclear = steps.filter((step) => stepText(step) === '' || stepText(step).includes('\n'))
  return [
    ...lacks.map((what) => `${who}: nothing is missing, and explain says: ${what}`),
    ...unclear.map((step) => `${who}: a step is no line of text: ${JSON.stringify(stepText(step))}`),
  ]
}

/**
 * The ways as they were, by what the kernel has now.
 *
 * @param nothing what is read back of a kernel without anything of ours
 */
async function whatIsMissed(
  testbed: Testbed,
  family: IpFamily,
  ways: readonly Way[],
  nothing: unknown,
): Promise<string[]> {
  const observed = await testbed.dataplane.observe(family)
  const failures: string[] = []
  const seen = new Set<string>()
  for (const { who, service, evaluation, steps } of ways) {
    // A dataplane may leave the comparison out.
    if (!steps.some((step) => typeof step !== 'string' && step.lacks !== undefined)) continue
    const lacks = lacksOf(steps, observed)
    const isGone = service.startsWith(`${namespace}/${place(gone).name}`)
    const isChanged =
      service.startsWith(`${namespace}/${place(changed).name}`) && evaluation.verdict === 'balance'
    if (isGone) seen.add('gone')
    if (isChanged) seen.add('changed')
    if ((isGone || isChanged) && lacks.length === 0)
      failures.push(
        `${who}: the kernel ${isGone ? 'lacks it' : 'has other endpoints'}, and explain finds all of it`,
      )
    if (!isGone && !isChanged && service !== '' && lacks.length > 0)
      failures.push(`${who}: nothing of it has changed, and explain says: ${lacks[0]}`)
    if (lacksOf(steps, nothing).length === 0)
      failures.push(`${who}: explain finds all of it in a kernel that holds nothing`)
  }
  const comparing = ways.some(({ steps }) => steps.some((step) => typeof step !== 'string'))
  if (comparing && seen.size < 2)
    failures.push('no packet to a Service that the kernel lacks or has otherwise')
  return failures
}

function packetsOf(
  testbed: Testbed,
  family: IpFamily,
): { readonly client: Client; readonly packet: Packet }[] {
  const table = testbed.cluster.table(family)
  const [nodeAddress] = table.nodePortAddresses
  const destinations = [...table.routes.values()].flatMap(({ frontends, protocol }) =>
    frontends.flatMap(({ address = nodeAddress, port }) =>
      address === undefined ? [] : [{ address, port, protocol }],
    ),
  )
  const unallocated = parseAddress(unallocatedClusterIP[family])
  const [clusterIP] = table.clusterIPs
  for (const address of [unallocated, clusterIP])
    if (address !== undefined) destinations.push({ address, port: otherPort, protocol: 'TCP' })
  return destinations.flatMap(({ address, port, protocol }) =>
    everyone.flatMap((client) => {
      const origin = testbed.origin(client, family)
      const source = parseAddress(origin.address)
      if (source === undefined) return []
      const via = origin.inputInterface === undefined ? {} : { inputInterface: origin.inputInterface }
      return [{ client, packet: { protocol, source, destination: address, port, ...via } }]
    }),
  )
}
