/** Who is served by what, and masqueraded or not: SEMANTICS 5 and 6, after upstream's packet-flow tests. */
import test from 'ava'
import type { ServiceRecord, SliceEndpoint } from '../../../cluster/records.ts'
import { type Evaluation, evaluate } from '../../evaluate.ts'
import type { SourceClass } from '../../service-route.ts'
import { TableBuilder, type TableBuilderOptions } from '../table-builder.ts'
import { address, cidr, exampleEndpoint, exampleService, exampleSlice } from './example-records.ts'

const sources = { pod: '10.1.0.200', node: '192.168.0.2', outside: '203.0.113.9' } as const
const destinations = {
  ClusterIP: ['10.96.0.1', 80],
  NodePort: ['192.168.0.2', 30080],
  LoadBalancer: ['5.6.7.8', 80],
  ExternalIP: ['9.8.7.6', 80],
} as const

const here = exampleEndpoint('10.1.0.1', { nodeName: 'here' })
const there = exampleEndpoint('10.2.0.1')
const everywhere = [here, there]
const leaving = { ready: false, serving: true, terminating: true }

interface Setting {
  readonly options?: Partial<TableBuilderOptions>
  readonly service?: Partial<ServiceRecord>
  readonly endpoints?: readonly SliceEndpoint[]
}

function tableFor({ options, service, endpoints = everywhere }: Setting) {
  const builder = new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'cidr', cidr: cidr('10.1.0.0/16') },
    ...options,
  })
  builder.setNode({
    kind: 'Node',
    key: 'here',
    zone: '',
    addresses: [address('192.168.0.2')],
    podCidrs: [],
  })
  builder.setService(
    exampleService({
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 30080 }],
      loadBalancerIPs: [address('5.6.7.8')],
      externalIPs: [address('9.8.7.6')],
      ...service,
    }),
  )
  builder.setSlice(exampleSlice(endpoints))
  builder.drain()
  return builder
}

/** `all`, `all masq`, `local`, `reject`, ... */
function outcome(builder: TableBuilder, source: SourceClass, to: keyof typeof destinations): string {
  const [destination, port] = destinations[to]
  const evaluation = evaluate(builder.table, {
    protocol: 'TCP',
    source: address(sources[source]),
    destination: address(destination),
    port,
  })
  if (evaluation.verdict !== 'balance') return evaluation.verdict
  const which = evaluation.over === 'cluster' ? 'all' : 'local'
  return evaluation.masquerade ? `${which} masq` : which
}

const etpLocal = { externalTrafficPolicy: 'Local' } as const
const itpLocal = { internalTrafficPolicy: 'Local' } as const
const blind = { podSource: { by: 'none' } } as const

interface Row extends Setting {
  readonly setting: string
  /** For each destination what becomes of a pod's, the node's and an outsider's packet. */
  readonly ClusterIP: readonly [string, string, string]
  readonly external: readonly [string, string, string]
}

const rows: readonly Row[] = [
  {
    setting: 'policies Cluster',
    ClusterIP: ['all', 'all masq', 'all masq'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'externalTrafficPolicy Local',
    service: etpLocal,
    ClusterIP: ['all', 'all masq', 'all masq'],
    external: ['all', 'all masq', 'local'],
  },
  {
    setting: 'internalTrafficPolicy Local',
    service: itpLocal,
    ClusterIP: ['local', 'local masq', 'local masq'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'both policies Local',
    service: { ...itpLocal, ...etpLocal },
    ClusterIP: ['local', 'local masq', 'local masq'],
    external: ['all', 'all masq', 'local'],
  },
  {
    setting: 'no pod detector',
    options: blind,
    ClusterIP: ['all', 'all', 'all'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'no pod detector, externalTrafficPolicy Local',
    options: blind,
    service: etpLocal,
    ClusterIP: ['all', 'all', 'all'],
    external: ['local', 'all masq', 'local'],
  },
  {
    setting: 'masqueradeAll',
    options: { masqueradeAll: true },
    ClusterIP: ['all masq', 'all masq', 'all masq'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'masqueradeAll, both policies Local',
    options: { masqueradeAll: true },
    service: { ...itpLocal, ...etpLocal },
    ClusterIP: ['local masq', 'local masq', 'local masq'],
    external: ['all', 'all masq', 'local'],
  },
  {
    setting: 'masqueradeAll without a pod detector',
    options: { ...blind, masqueradeAll: true },
    ClusterIP: ['all masq', 'all masq', 'all masq'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'no endpoint',
    endpoints: [],
    ClusterIP: ['reject', 'reject', 'reject'],
    external: ['reject', 'reject', 'reject'],
  },
  {
    setting: 'no endpoint, both policies Local',
    endpoints: [],
    service: { ...itpLocal, ...etpLocal },
    ClusterIP: ['reject', 'reject', 'reject'],
    external: ['reject', 'reject', 'reject'],
  },
  {
    setting: 'endpoints elsewhere only, internalTrafficPolicy Local',
    endpoints: [there],
    service: itpLocal,
    ClusterIP: ['drop', 'drop', 'drop'],
    external: ['all masq', 'all masq', 'all masq'],
  },
  {
    setting: 'endpoints elsewhere only, externalTrafficPolicy Local',
    endpoints: [there],
    service: etpLocal,
    ClusterIP: ['all', 'all masq', 'all masq'],
    external: ['all', 'all masq', 'drop'],
  },
  {
    setting: 'endpoints elsewhere only, externalTrafficPolicy Local, no pod detector',
    options: blind,
    endpoints: [there],
    service: etpLocal,
    ClusterIP: ['all', 'all', 'all'],
    external: ['drop', 'all masq', 'drop'],
  },
  {
    setting: 'only terminating endpoints elsewhere, both policies Local',
    endpoints: [{ ...there, ...leaving }],
    service: { ...itpLocal, ...etpLocal },
    ClusterIP: ['drop', 'drop', 'drop'],
    external: ['all', 'all masq', 'drop'],
  },
  {
    setting: 'a terminating endpoint here and a ready one elsewhere, both policies Local',
    endpoints: [{ ...here, ...leaving }, there],
    service: { ...itpLocal, ...etpLocal },
    ClusterIP: ['local', 'local masq', 'local masq'],
    external: ['all', 'all masq', 'local'],
  },
  {
    setting: 'only unready endpoints',
    endpoints: [{ ...here, ready: false }],
    ClusterIP: ['reject', 'reject', 'reject'],
    external: ['reject', 'reject', 'reject'],
  },
]

const classes = ['pod', 'node', 'outside'] as const

for (const row of rows) {
  for (const [index, source] of classes.entries()) {
    for (const to of ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalIP'] as const) {
      const expected = (to === 'ClusterIP' ? row.ClusterIP : row.external)[index]
      test(`${row.setting}: ${source} to ${to} gets ${expected}`, (t) => {
        t.is(outcome(tableFor(row), source, to), expected!)
      })
    }
  }
}

test('externalTrafficPolicy Local means nothing to a Service that is not externally accessible', (t) => {
  const builder = tableFor({
    endpoints: [there],
    service: {
      ...etpLocal,
      loadBalancerIPs: [],
      externalIPs: [],
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }],
    },
  })
  t.is(outcome(builder, 'outside', 'ClusterIP'), 'all masq')
  t.is(outcome(builder, 'outside', 'NodePort'), 'none')
})

const ranges = { sourceRanges: [cidr('203.0.113.0/24')] }
const nodeRange = { sourceRanges: [cidr('192.168.0.0/24')] }

interface RangeRow {
  readonly claim: string
  readonly service: Partial<ServiceRecord>
  readonly source: string
  readonly to: keyof typeof destinations
  readonly expect: Evaluation['verdict']
  readonly endpoints?: readonly SliceEndpoint[]
}

const rangeRows: readonly RangeRow[] = [
  {
    claim: 'a client in a range is served',
    service: ranges,
    source: '203.0.113.9',
    to: 'LoadBalancer',
    expect: 'balance',
  },
  {
    claim: 'a client in no range is dropped',
    service: ranges,
    source: '198.51.100.1',
    to: 'LoadBalancer',
    expect: 'drop',
  },
  {
    claim: 'a pod in no range is dropped, before the short circuit',
    service: { ...ranges, ...etpLocal },
    source: '10.1.0.200',
    to: 'LoadBalancer',
    expect: 'drop',
  },
  {
    claim: 'the node in no range is dropped',
    service: ranges,
    source: '192.168.0.2',
    to: 'LoadBalancer',
    expect: 'drop',
  },
  {
    claim: 'the load balancer address as source is dropped when the node is in no range',
    service: ranges,
    source: '5.6.7.8',
    to: 'LoadBalancer',
    expect: 'drop',
  },
  {
    claim: 'the node in a range is served',
    service: nodeRange,
    source: '192.168.0.2',
    to: 'LoadBalancer',
    expect: 'balance',
  },
  {
    claim: 'the load balancer address as source is served when the node is in a range',
    service: nodeRange,
    source: '5.6.7.8',
    to: 'LoadBalancer',
    expect: 'balance',
  },
  {
    claim: 'NodePorts are not guarded',
    service: ranges,
    source: '198.51.100.1',
    to: 'NodePort',
    expect: 'balance',
  },
  {
    claim: 'external IPs are not guarded',
    service: ranges,
    source: '198.51.100.1',
    to: 'ExternalIP',
    expect: 'balance',
  },
  {
    claim: 'the ClusterIP is not guarded',
    service: ranges,
    source: '198.51.100.1',
    to: 'ClusterIP',
    expect: 'balance',
  },
  {
    claim: 'a range of everything is no guard',
    service: { sourceRanges: [cidr('203.0.113.0/24'), cidr('0.0.0.0/0')] },
    source: '198.51.100.1',
    to: 'LoadBalancer',
    expect: 'balance',
  },
  {
    claim: 'a family without a range is open',
    service: { sourceRanges: [cidr('2001:db8::/32')] },
    source: '198.51.100.1',
    to: 'LoadBalancer',
    expect: 'balance',
  },
  {
    claim: 'a client in no range is dropped even where nothing serves',
    service: ranges,
    source: '198.51.100.1',
    to: 'LoadBalancer',
    expect: 'drop',
    endpoints: [],
  },
  {
    claim: 'a client in a range is rejected where nothing serves',
    service: ranges,
    source: '203.0.113.9',
    to: 'LoadBalancer',
    expect: 'reject',
    endpoints: [],
  },
]

for (const { claim, service, source, to, expect, endpoints } of rangeRows) {
  test(`source ranges: ${claim}`, (t) => {
    const builder = tableFor({ service, ...(endpoints === undefined ? {} : { endpoints }) })
    const [destination, port] = destinations[to]
    const packet = {
      protocol: 'TCP',
      source: address(source),
      destination: address(destination),
      port,
    } as const
    t.is(evaluate(builder.table, packet).verdict, expect)
  })
}

test('source ranges follow the node into another range', (t) => {
  const builder = tableFor({ service: nodeRange })
  const ask = () =>
    evaluate(builder.table, {
      protocol: 'TCP',
      source: address('5.6.7.8'),
      destination: address('5.6.7.8'),
      port: 80,
    }).verdict
  t.is(ask(), 'balance')
  builder.setNode({ kind: 'Node', key: 'here', zone: '', addresses: [address('172.16.0.1')], podCidrs: [] })
  builder.drain()
  t.is(ask(), 'drop')
})

test('the rest of the ClusterIP ranges: other ports rejected, unallocated addresses dropped, all else untouched', (t) => {
  const builder = tableFor({})
  builder.setServiceCidr({
    kind: 'ServiceCIDR',
    key: 'kubernetes',
    cidrs: [cidr('10.96.0.0/16'), cidr('fd00::/108')],
  })
  builder.drain()
  const ask = (destination: string, port: number) =>
    evaluate(builder.table, {
      protocol: 'TCP',
      source: address('10.1.0.200'),
      destination: address(destination),
      port,
    })
  t.like(ask('10.96.0.1', 81), { verdict: 'reject', because: 'otherPort' })
  t.like(ask('10.96.9.9', 80), { verdict: 'drop', because: 'unallocated' })
  t.is(ask('5.6.7.8', 81).verdict, 'none')
  t.is(ask('fd00::9', 80).verdict, 'none')
  builder.setLocalAddresses(new Set([address('10.96.0.1'), address('10.96.9.9')]))
  builder.drain()
  t.is(ask('10.96.0.1', 81).verdict, 'none', 'bound to this node, as by NodeLocal DNSCache')
  t.is(ask('10.96.9.9', 80).verdict, 'none')
})

test('pods are told by interface where the mode says so, the node by its addresses', (t) => {
  const builder = tableFor({
    options: { podSource: { by: 'interfacePrefix', prefix: 'veth' } },
    service: etpLocal,
  })
  const from = (source: string, inputInterface?: string) =>
    evaluate(builder.table, {
      protocol: 'TCP',
      source: address(source),
      ...(inputInterface === undefined ? {} : { inputInterface }),
      destination: address('5.6.7.8'),
      port: 80,
    }).sourceClass
  t.is(from('10.1.0.5', 'veth12'), 'pod')
  t.is(from('10.1.0.5', 'eth0'), 'outside')
  t.is(from('192.168.0.2'), 'node')
})
