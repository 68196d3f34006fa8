import test from 'ava'
import fc from 'fast-check'
import type { ServiceRecord } from '../../cluster/records.ts'
import { type Capabilities, type Feature, features } from '../../dataplane/capabilities.ts'
import { familyOf, ipFamilies } from '../../network/address.ts'
import { protocols } from '../../network/protocol.ts'
import { clusterIPOf, destinationsOf } from '../../table/builder/service-frontends.ts'
import { address, cidr } from '../../table/builder/test/example-records.ts'
import { service, slice } from '../../table/builder/test/random-events.ts'
import type { Packet } from '../../table/evaluate.ts'
import { sourceClasses } from '../../table/service-route.ts'
import { behaviourOf, isSameBehaviour } from '../behaviour.ts'
import { featuresOfNode } from '../feature-difference.ts'
import { servedByDataplane, servedByKubeProxy } from '../served-table.ts'
import { type Comparison, differencesOf } from '../service-differences.ts'
import { compared, exampleNode, settings } from './compared.ts'

/**
 * Addresses that a node may have, several of each kind, and none that the check itself takes for its samples: what it says
 * of its few has to hold for all of them.
 */
const nodeAddresses = [
  ...[
    '192.168.50.11',
    '192.168.50.77',
    '172.17.0.1',
    '10.1.2.3',
    '10.1.9.9',
    '10.2.0.7',
    '127.0.0.1',
    '127.0.0.53',
  ],
  ...['fd00:192:168:50::11', 'fd00:1::3', 'fd00:1::9', 'fd00:2::1', '::1'],
].map(address)

const sources = ['198.51.100.7', '192.168.1.9', '10.3.4.5', '2001:db8::7', 'fd00:9::9'].map(address)

const nodePorts = fc.constantFrom(
  undefined,
  'primary',
  'all',
  'localhost',
  'all,localhost',
  '10.1.0.0/16',
  '10.1.0.0/16,fd00:1::/64',
  'primary,localhost',
  '127.0.0.0/8',
  '192.168.50.0/24,::/0',
)
const flags = fc.record({ nodeportAddresses: nodePorts, masqueradeAll: fc.boolean() })
const mode = fc.constantFrom('iptables' as const, 'ipvs' as const, 'nftables' as const)
const capabilities: fc.Arbitrary<Capabilities> = fc.record({
  families: fc.constantFrom(ipFamilies, ['IPv4' as const]),
  protocols: fc.subarray([...protocols], { minLength: 1 }),
  gaps: fc
    .subarray(Object.keys(features) as Feature[])
    .map((gaps) => Object.fromEntries(gaps.map((gap) => [gap, 'otherwise']))),
})
/** Those of the table's tests have IPv4 alone. */
const services = fc.uniqueArray(
  fc.tuple(service, fc.boolean(), fc.option(fc.constant(60))).map(([one, isDual, affinitySeconds]) => ({
    ...one,
    clusterIPs: isDual ? [...one.clusterIPs, address(`fd00:96::${one.key.slice(-1)}`)] : one.clusterIPs,
    ...(affinitySeconds === null ? {} : { affinitySeconds }),
  })),
  { maxLength: 4, selector: ({ key }) => key },
)

/** Every packet to what the Service asks for, from everybody, at each address of the node. */
function* packetsTo(one: ServiceRecord): Iterable<Packet> {
  for (const family of ipFamilies) {
    const clusterIP = clusterIPOf(one, family)
    if (clusterIP === undefined) continue
    const locals = nodeAddresses.filter((local) => familyOf(local) === family)
    const destinations = one.ports.flatMap((port) =>
      destinationsOf(one, port, family).flatMap((to) =>
        (to.address === undefined ? locals : [to.address]).map((destination) => ({
          protocol: port.protocol,
          destination,
          port: to.port,
        })),
      ),
    )
    const other = { protocol: 'TCP' as const, destination: clusterIP, port: 9 }
    for (const to of [...destinations, other])
      for (const source of sources.filter((from) => familyOf(from) === family))
        for (const sourceClass of sourceClasses) yield { ...to, source, sourceClass }
  }
}

/** The two proxies on a node with all of its addresses. */
function onWholeNode({ records, mode, today, later, capabilities }: Parameters<typeof compared>[0]) {
  const node = {
    record: { ...exampleNode, key: '' },
    addresses: nodeAddresses.map((one) => ({ address: one, what: '' })),
  }
  return {
    before: servedByKubeProxy({ records, node }, today, mode),
    after: servedByDataplane({ records, node }, later, capabilities),
  }
}

function differs({ before, after }: Pick<Comparison, 'before' | 'after'>, packet: Packet): boolean {
  const family = familyOf(packet.destination)
  return !isSameBehaviour(behaviourOf(before.get(family), packet), behaviourOf(after.get(family), packet))
}

test('a difference is told of a Service if and only if some packet to it is treated otherwise', (t) => {
  let [told, silent] = [0, 0]
  fc.assert(
    fc.property(
      services,
      fc.array(slice, { maxLength: 4 }),
      mode,
      flags,
      flags,
      capabilities,
      (some, slices, from, before, after, able) => {
        const given = (one: typeof before) => ({
          masqueradeAll: one.masqueradeAll,
          ...(one.nodeportAddresses === undefined ? {} : { nodeportAddresses: one.nodeportAddresses }),
        })
        const facts = {
          records: [...some, ...slices],
          mode: from,
          today: settings({ ...given(before), proxyMode: from }),
          later: settings({ ...given(after), dataplane: 'nftables' }),
          capabilities: able,
        }
        const comparison = compared(facts)
        const whole = onWholeNode(facts)
        for (const one of some) {
          const found = [...differencesOf(one, comparison)]
          const really = [...packetsTo(one)].filter((packet) => differs(whole, packet))
          if (found.length > 0 !== really.length > 0)
            throw new Error(
              `${one.key}: told ${JSON.stringify(found[0])}, and of its packets differ ${JSON.stringify(really[0])}`,
            )
          if (found.length > 0) told++
          else silent++
        }
      },
    ),
    { numRuns: 100, seed: Number(process.env.PORTOLAN_SEED ?? Date.now() % 2 ** 31) },
  )
  t.true(told > 0 && silent > 0, `${told} told, ${silent} silent`)
})

test('features of the node as a whole are those that no packet tells of', (t) => {
  t.deepEqual([...featuresOfNode].toSorted(), [
    'atomicChange',
    'cleanChanges',
    'dropUnallocated',
    'ephemeralPorts',
    'outlivesProcess',
    'rejectPing',
    'sharedPorts',
    'sharedPortsAtOnce',
    'unknownNode',
  ])
})

test('a range of load balancer sources that only one side heeds is told', (t) => {
  const ranges = { sourceRanges: [cidr('10.0.0.0/8')], loadBalancerIPs: [address('203.0.113.9')] }
  const [one] = fc.sample(service, 1)
  const guarded = { ...(one as ServiceRecord), ...ranges, clusterIPs: [address('10.96.0.1')] }
  const facts = {
    records: [{ ...guarded, ports: [{ name: '', protocol: 'TCP' as const, port: 80, nodePort: 0 }] }],
    mode: 'nftables' as const,
    today: settings({ proxyMode: 'nftables' }),
    later: settings({}),
    capabilities: { families: ipFamilies, protocols, gaps: { sourceRanges: 'open' } },
  }
  const [record] = facts.records
  t.true(record !== undefined && [...differencesOf(record, compared(facts))].length > 0)
})
