import {
  type Address,
  type Cidr,
  type CompiledProgram,
  type Dataplane,
  type Evaluation,
  evaluate,
  frontendKey,
  type Packet,
  type RoutingTable,
  sourceClasses,
} from '@portolan/core'
import type { TestFn } from 'ava'
import { everything, everythingIpv6 } from './example-tables.ts'

/** With what finds a route by its destination, which example tables leave out. */
export function withFrontends(table: RoutingTable): RoutingTable {
  const frontends = new Map(
    [...table.routes].flatMap(([key, route]) =>
      route.frontends.map(({ address, port }) => [frontendKey(address, route.protocol, port), key] as const),
    ),
  )
  return { ...table, frontends }
}

/** A packet to each destination, of each class. */
export function packetsTo(table: RoutingTable, source: Address): Packet[] {
  const [nodeAddress] = table.nodePortAddresses
  return [...table.routes.values()].flatMap(({ frontends, protocol }) =>
    frontends.flatMap(({ address: destination = nodeAddress, port }) =>
      destination === undefined
        ? []
        : sourceClasses.map((sourceClass) => ({ protocol, source, sourceClass, destination, port })),
    ),
  )
}

/** Two ranges that no example has, and a client in the first of them. */
const strangers = {
  IPv4: { ranges: ['192.0.2.0/25', '192.0.2.128/25'], client: '192.0.2.7' },
  IPv6: { ranges: ['2001:db8:99::/48', '2001:db8:98::/48'], client: '2001:db8:99::7' },
} as const

/**
 * Proves of a dataplane's traces, over any model of its kernel, that they find a source range too many if it lets in a
 * client who should be dropped, and leave alone one that doesn't concern that client.
 *
 * @param open an instance whose kernel holds nothing
 */
export function tracedRanges(test: TestFn, open: () => Dataplane<CompiledProgram, unknown>): void {
  for (const example of [everything(), everythingIpv6()]) {
    const table = withFrontends(example)
    test(`${table.family}: a trace finds a source range too many, if it lets in who should be dropped`, async (t) => {
      const { ranges, client } = strangers[table.family]
      const shutOut = packetsTo(table, client as Address)
        .map((packet) => evaluate(table, packet))
        .filter(isShutOut)
      t.true(shutOut.length > 0)
      const [found, unconcerned] = await Promise.all(
        ranges.map((range) => differences(open(), withRange(table, range as Cidr), table, shutOut)),
      )
      for (const lacking of found ?? []) {
        t.is(lacking.length, 1, lacking.join('\n'))
        t.true(lacking[0]?.includes(ranges[0]), lacking[0])
      }
      t.deepEqual(unconcerned?.flat(), [])
    })
  }
}

function isShutOut(evaluation: Evaluation): boolean {
  return evaluation.verdict === 'drop' && evaluation.because === 'allowedSources'
}

/** The table with a range more wherever there is one. */
function withRange(table: RoutingTable, range: Cidr): RoutingTable {
  const routes = [...table.routes].map(([key, route]) => {
    const frontends = route.frontends.map((one) =>
      one.allowedSources === undefined ? one : { ...one, allowedSources: [...one.allowedSources, range] },
    )
    return [key, { ...route, frontends }] as const
  })
  return { ...table, routes: new Map(routes) }
}

/** For each evaluation, what its trace by one table finds otherwise in a kernel that holds another. */
async function differences(
  dataplane: Dataplane<CompiledProgram, unknown>,
  applied: RoutingTable,
  wanted: RoutingTable,
  evaluations: readonly Evaluation[],
): Promise<readonly (readonly string[])[]> {
  await dataplane.start()
  try {
    await dataplane.apply(dataplane.reconcile(await dataplane.observe(applied.family), applied))
    const observed = await dataplane.observe(applied.family)
    return evaluations.map((evaluation) =>
      dataplane
        .trace(wanted, evaluation)
        .flatMap((step) => (typeof step === 'string' ? [] : (step.lacks?.(observed) ?? []))),
    )
  } finally {
    await dataplane.stop()
  }
}
