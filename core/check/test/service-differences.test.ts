import test from 'ava'
import type { ClusterRecord, ServiceRecord } from '../../cluster/records.ts'
import type { Flags } from '../../config/config-flags.ts'
import type { Section } from '../../config/resolve-config.ts'
import type { Capabilities } from '../../dataplane/capabilities.ts'
import {
  address,
  cidr,
  exampleEndpoint,
  examplePort,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'
import { serviceDifferences } from '../service-differences.ts'
import { capable, compared, settings } from './compared.ts'

/** What happens in every change from this mode to a dataplane that can do everything, and is left out of the rows. */
const always = new Set(['gap:rejectOtherPorts', 'gap:dropUnallocated'])

interface Row {
  readonly claim: string
  readonly service?: Partial<ServiceRecord>
  /** Default: one on another node. */
  readonly endpoints?: 'none'
  readonly mode: Section
  readonly today?: Flags
  readonly later: Flags
  readonly capabilities?: Partial<Capabilities>
  /** `effect what`, in order. */
  readonly told: readonly string[]
}

const nodePort = { ports: [{ ...examplePort, nodePort: 30080 }] }
const forwarded = 'TCP alone, forwarded'
const atLoopback = { gaps: { localhostNodePorts: forwarded, localhostNodePortsIPv6: forwarded } }

const rows: readonly Row[] = [
  {
    claim: 'the same mode and settings are the same',
    service: { ...nodePort, externalIPs: [address('203.0.113.1')], externalTrafficPolicy: 'Local' },
    mode: 'nftables',
    later: { dataplane: 'nftables' },
    capabilities: atLoopback,
    told: [],
  },
  {
    claim: 'nftables listens for NodePorts at the primary address alone, where iptables has all and loopback',
    service: nodePort,
    mode: 'iptables',
    later: { dataplane: 'nftables' },
    capabilities: atLoopback,
    told: [
      'lost NodePorts no longer answer at other addresses of the node',
      'lost NodePorts no longer answer at loopback (127.0.0.1)',
    ],
  },
  {
    claim: 'with all addresses it is loopback alone that is lost',
    service: nodePort,
    mode: 'iptables',
    later: { dataplane: 'nftables', nodeportAddresses: '0.0.0.0/0,::/0' },
    capabilities: atLoopback,
    told: ['lost NodePorts no longer answer at loopback (127.0.0.1)'],
  },
  {
    claim: 'loopback that is asked for is forwarded, and told of',
    service: nodePort,
    mode: 'iptables',
    today: { nodeportAddresses: 'all,localhost' },
    later: { dataplane: 'nftables', nodeportAddresses: 'all,localhost' },
    capabilities: atLoopback,
    told: [
      'changed no longer as today: NodePorts at IPv4 loopback, for processes of the node, in the kernel',
    ],
  },
  {
    claim: 'what is forwarded at loopback is TCP alone',
    service: { ports: [{ ...examplePort, protocol: 'UDP', nodePort: 30080 }] },
    mode: 'iptables',
    today: { nodeportAddresses: '127.0.0.0/8' },
    later: { dataplane: 'nftables', nodeportAddresses: '127.0.0.0/8' },
    capabilities: atLoopback,
    told: ['lost NodePorts of UDP no longer answer at loopback (127.0.0.1)'],
  },
  {
    claim: 'iptables answers everywhere, where nftables has the primary address',
    service: nodePort,
    mode: 'nftables',
    later: { dataplane: 'iptables' },
    told: [
      "opened NodePorts answer at other addresses of the node, where they don't today",
      "opened NodePorts answer at loopback (127.0.0.1), where they don't today",
    ],
  },
  {
    claim: 'a Service without a NodePort is not concerned by any of that',
    mode: 'iptables',
    later: { dataplane: 'nftables' },
    capabilities: atLoopback,
    told: [],
  },
  {
    claim: 'ranges of addresses are told by themselves',
    service: nodePort,
    mode: 'nftables',
    today: { nodeportAddresses: '10.1.0.0/16' },
    later: { dataplane: 'nftables', nodeportAddresses: '10.2.0.0/16' },
    told: [
      'lost NodePorts no longer answer at addresses of the node in 10.1.0.0/16',
      "opened NodePorts answer at addresses of the node in 10.2.0.0/16, where they don't today",
    ],
  },
  {
    claim: 'a protocol that the dataplane lacks is lost',
    service: { ports: [{ ...examplePort, protocol: 'SCTP' }] },
    mode: 'iptables',
    later: { dataplane: 'ebpf' },
    capabilities: { protocols: ['TCP', 'UDP'] },
    told: ['lost SCTP is no longer served'],
  },
  {
    claim: 'a family that the dataplane lacks is lost',
    service: { clusterIPs: [address('fd00:96::1')] },
    mode: 'nftables',
    later: { dataplane: 'nftables' },
    capabilities: { families: ['IPv4'] },
    told: ['lost a family is no longer served'],
  },
  {
    claim: 'a declared gap is told of Services that need the feature',
    service: { affinitySeconds: 60 },
    mode: 'nftables',
    later: { dataplane: 'ipvs' },
    capabilities: { gaps: { affinityTimeout: 'longer' } },
    told: [
      'changed no longer as today: affinity ends when the timeout is over, however long connections last',
    ],
  },
  {
    claim: 'and of no others',
    mode: 'nftables',
    later: { dataplane: 'ipvs' },
    capabilities: { gaps: { affinityTimeout: 'longer', sourceRanges: 'open', nodePort: 'none' } },
    told: [],
  },
  {
    claim: "a gap that kube-proxy's mode has as well is no difference",
    service: { affinitySeconds: 60 },
    mode: 'ipvs',
    today: { nodeportAddresses: 'primary' },
    later: { dataplane: 'ipvs' },
    capabilities: { gaps: { affinityTimeout: 'longer', affinityAcrossFrontends: 'each' } },
    told: [],
  },
  {
    claim: 'IPVS sends to other nodes what a policy keeps on this one',
    service: { internalTrafficPolicy: 'Local' },
    mode: 'ipvs',
    later: { dataplane: 'nftables' },
    told: [
      'changed other than today: drops, rather than rejects, where endpoints exist that the packet may not use',
    ],
  },
  {
    claim: 'source ranges that the dataplane does not heed open the Service',
    service: { loadBalancerIPs: [address('203.0.113.1')], sourceRanges: [cidr('198.51.100.0/24')] },
    mode: 'iptables',
    later: { dataplane: 'nftables' },
    capabilities: { gaps: { sourceRanges: 'open' } },
    told: ['opened no longer as today: loadBalancerSourceRanges'],
  },
  {
    claim: 'settings that differ are told by what becomes of packets',
    mode: 'iptables',
    later: { dataplane: 'nftables', masqueradeAll: true },
    told: ["changed packets of pods of the node: served today, served with the node's address then"],
  },
  {
    claim: 'a Service without endpoints is refused by both',
    endpoints: 'none',
    mode: 'iptables',
    later: { dataplane: 'nftables' },
    told: [],
  },
]

for (const { claim, service, endpoints, mode, today = {}, later, capabilities, told } of rows)
  test(claim, (t) => {
    const records: ClusterRecord[] = [exampleService(service)]
    const protocol = service?.ports?.[0]?.protocol ?? 'TCP'
    const isIPv6 = service?.clusterIPs?.[0]?.includes(':') === true
    if (endpoints !== 'none')
      records.push(
        exampleSlice([exampleEndpoint(isIPv6 ? 'fd00:244::5' : '10.244.2.5')], {
          ports: [{ name: '', protocol, port: 8080 }],
        }),
      )
    const comparison = compared({
      records,
      mode,
      today: settings({ proxyMode: mode, ...today }),
      later: settings(later),
      capabilities: capable(capabilities),
    })
    const { services, findings, differing } = serviceDifferences(records, comparison)
    const found = findings.filter(({ kind, services = 0 }) => !always.has(kind) && services > 0)
    t.deepEqual(
      found.filter(({ effect }) => effect !== 'note').map(({ effect, what }) => `${effect} ${what}`),
      told,
    )
    t.is(services, 1)
    t.is(differing.length, told.length > 0 ? 1 : 0)
    for (const { why, fix, examples } of found) {
      t.true(why !== '' && fix !== '')
      t.deepEqual(examples, ['default/web'])
    }
  })

test('many Services with the same difference are one finding, with some of them as examples', (t) => {
  const records = Array.from({ length: 3000 }, (_, index) =>
    exampleService({
      key: `default/s${String(index).padStart(4, '0')}`,
      clusterIPs: [address(`10.96.${index >> 8}.${index & 255}`)],
      ports: [{ ...examplePort, nodePort: 30000 + index }],
    }),
  )
  const { findings, differing } = serviceDifferences(
    records,
    compared({
      records,
      mode: 'nftables',
      today: settings({ proxyMode: 'nftables' }),
      later: settings({ dataplane: 'nftables', nodeportAddresses: 'all' }),
      capabilities: capable(atLoopback),
    }),
  )
  const [finding, ...others] = findings
  t.is(finding?.services, 3000)
  t.deepEqual(finding?.examples.slice(0, 2), ['default/s0000', 'default/s0001'])
  t.is(finding?.examples.length, 5)
  t.is(others.length, 0)
  t.is(differing.length, 3000)
})

test('what concerns the node as a whole names no Services, and is a note', (t) => {
  const { findings } = serviceDifferences(
    [],
    compared({
      records: [],
      mode: 'nftables',
      today: settings({ proxyMode: 'nftables' }),
      later: settings({ dataplane: 'ebpf' }),
      capabilities: capable({ gaps: { atomicChange: 'one after the other' } }),
    }),
  )
  t.deepEqual(
    findings.map(({ kind, effect, services, why }) => ({ kind, effect, services, why })),
    [{ kind: 'gap:atomicChange', effect: 'note', services: undefined, why: 'one after the other' }],
  )
})

test("a node that has no address of a family has its NodePorts everywhere with kube-proxy's primary", (t) => {
  const records = [exampleService({ ...nodePort, clusterIPs: [address('fd00:96::1')] })]
  const node = {
    kind: 'Node' as const,
    key: 'node-a',
    zone: '',
    addresses: [address('192.168.50.11')],
    podCidrs: [],
  }
  const same = { mode: 'nftables' as const, today: settings({ proxyMode: 'nftables' }) }
  const later = settings({ dataplane: 'nftables' })
  const { findings } = serviceDifferences(
    records,
    compared({ records, ...same, later, capabilities: capable(atLoopback), node }),
  )
  t.deepEqual(
    findings.map(({ effect, what }) => `${effect} ${what}`),
    ['lost NodePorts no longer answer at other addresses of the node'],
  )
})
