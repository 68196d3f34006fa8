import test from 'ava'
import type { ServiceRecord, SliceEndpoint } from '../../../cluster/records.ts'
import { TableBuilder, type TableBuilderOptions } from '../../builder/table-builder.ts'
import {
  address,
  cidr,
  exampleEndpoint,
  exampleService,
  exampleSlice,
} from '../../builder/test/example-records.ts'
import { evaluate } from '../../evaluate.ts'
import { describeEvaluation } from '../describe-evaluation.ts'

const here = exampleEndpoint('10.1.0.1', { nodeName: 'here' })
const there = ['10.2.0.1', '10.2.0.2', '10.2.0.3'].map((text) => exampleEndpoint(text))
const leaving = { ready: false, terminating: true }

interface Row {
  readonly reason: string
  readonly service?: Partial<ServiceRecord>
  readonly endpoints?: readonly SliceEndpoint[]
  readonly options?: Partial<TableBuilderOptions>
  readonly from?: string
  /** Default: the load balancer address. */
  readonly to?: readonly [string, number]
}

const clusterIP = ['10.96.0.1', 80] as const
const loadBalancer = ['5.6.7.8', 80] as const
const etpLocal = { externalTrafficPolicy: 'Local' } as const

const rows: readonly Row[] = [
  {
    service: etpLocal,
    endpoints: there,
    reason:
      'externalTrafficPolicy Local and the source is outside: only endpoints on this node; none is ready, 3 elsewhere: dropped',
  },
  {
    service: etpLocal,
    endpoints: there.map((one) => ({ ...one, ...leaving })),
    reason:
      'externalTrafficPolicy Local and the source is outside: only endpoints on this node; none is ready, 3 elsewhere (terminating): dropped',
  },
  {
    service: etpLocal,
    reason:
      'externalTrafficPolicy Local and the source is outside: only endpoints on this node; 1 ready here, 3 elsewhere; the source address is kept',
  },
  {
    service: etpLocal,
    endpoints: [{ ...here, ...leaving }, ...there],
    reason:
      'externalTrafficPolicy Local and the source is outside: only endpoints on this node; none is ready, 1 still serves while terminating; the source address is kept',
  },
  {
    service: etpLocal,
    from: '10.1.0.200',
    reason:
      'externalTrafficPolicy Local and the source is a local pod: any of 4 ready endpoints; the source address is kept',
  },
  {
    service: etpLocal,
    from: '192.168.0.2',
    reason:
      'externalTrafficPolicy Local and the source is this node: any of 4 ready endpoints; masqueraded, so that answers come back through this node',
  },
  {
    reason:
      'externalTrafficPolicy Cluster: any of 4 ready endpoints; masqueraded, so that answers come back through this node',
  },
  {
    to: clusterIP,
    from: '10.1.0.200',
    reason: 'internalTrafficPolicy Cluster: any of 4 ready endpoints; the source address is kept',
  },
  {
    to: clusterIP,
    from: '10.1.0.1',
    reason:
      'internalTrafficPolicy Cluster: any of 4 ready endpoints; the source address is kept; masqueraded anyway when it reaches itself (hairpin)',
  },
  {
    to: clusterIP,
    reason:
      'internalTrafficPolicy Cluster: any of 4 ready endpoints; masqueraded, since the source is no local pod and answers must come back through this node',
  },
  {
    to: clusterIP,
    options: { masqueradeAll: true },
    from: '10.1.0.200',
    reason: 'internalTrafficPolicy Cluster: any of 4 ready endpoints; masqueraded (masqueradeAll)',
  },
  {
    to: clusterIP,
    options: { podSource: { by: 'none' } },
    reason:
      'internalTrafficPolicy Cluster: any of 4 ready endpoints; the source address is kept, since nothing tells pods from other sources here',
  },
  {
    to: clusterIP,
    service: { internalTrafficPolicy: 'Local' },
    endpoints: there,
    reason: 'internalTrafficPolicy Local: only endpoints on this node; none is ready, 3 elsewhere: dropped',
  },
  {
    to: clusterIP,
    from: '10.1.0.200',
    endpoints: there.map((one) => ({ ...one, ...leaving })),
    reason:
      'internalTrafficPolicy Cluster: any endpoint; none is ready, 3 still serve while terminating; the source address is kept',
  },
  {
    to: clusterIP,
    from: '10.1.0.200',
    endpoints: [
      { ...here, zoneHints: ['a'] },
      { ...there[0]!, zoneHints: ['b'] },
    ],
    reason:
      'internalTrafficPolicy Cluster: 1 of 2 ready endpoints, by the hints for zone a; the source address is kept',
  },
  {
    to: clusterIP,
    from: '10.1.0.200',
    endpoints: [
      { ...here, nodeHints: ['here'] },
      { ...there[0]!, nodeHints: ['other'] },
    ],
    reason:
      'internalTrafficPolicy Cluster: 1 of 2 ready endpoints, by the node hints; the source address is kept',
  },
  {
    to: clusterIP,
    from: '10.1.0.200',
    service: { affinitySeconds: 60 },
    reason:
      'internalTrafficPolicy Cluster: any of 4 ready endpoints; the source address is kept; a client keeps its endpoint for 60 s after its last connection',
  },
  {
    to: clusterIP,
    endpoints: [],
    reason: 'nothing serves default/web anywhere (its EndpointSlice has no endpoint): rejected',
  },
  {
    to: clusterIP,
    endpoints: [{ ...here, ready: false }],
    reason: 'nothing serves default/web anywhere (1 endpoint, none ready): rejected',
  },
  {
    service: { sourceRanges: [cidr('10.0.0.0/8')] },
    reason:
      '203.0.113.9 is in none of loadBalancerSourceRanges (10.0.0.0/8): dropped before any endpoint is looked at',
  },
  {
    service: { sourceRanges: [cidr('203.0.113.0/24')] },
    reason:
      'externalTrafficPolicy Cluster: any of 4 ready endpoints; the source is in loadBalancerSourceRanges; masqueraded, so that answers come back through this node',
  },
  {
    to: ['10.96.0.1', 81],
    reason:
      '10.96.0.1 is the ClusterIP of a Service without TCP port 81 (there is TCP port 80 of default/web): rejected',
  },
  {
    to: ['10.96.9.9', 80],
    reason: '10.96.9.9 is in the ClusterIP range 10.96.0.0/16 and no Service has it: dropped',
  },
  {
    to: ['8.8.8.8', 80],
    reason: 'no Service answers at 8.8.8.8 TCP port 80, and it is no ClusterIP: not touched',
  },
  {
    to: ['10.0.0.2', 30080],
    reason: 'NodePort 30080/TCP answers at 192.168.0.2 only (nodePortAddresses): not touched',
  },
  {
    to: ['127.0.0.1', 30080],
    options: { nodePortAddresses: ['primary', cidr('127.0.0.0/8')], localhostNodePorts: true },
    reason: 'NodePort 30080/TCP answers at 127.0.0.1 for processes of the node only: not touched',
  },
  {
    to: ['127.0.0.1', 30080],
    reason:
      'NodePort 30080/TCP does not answer at 127.0.0.1 in the kernel: not touched (with localhost in nodePortAddresses Portolan itself forwards TCP there)',
  },
]

for (const {
  reason,
  service,
  endpoints = [here, ...there],
  options,
  from = '203.0.113.9',
  to = loadBalancer,
} of rows) {
  test(reason, (t) => {
    const builder = new TableBuilder({
      family: 'IPv4',
      nodeName: 'here',
      podSource: { by: 'cidr', cidr: cidr('10.1.0.0/16') },
      ...options,
    })
    builder.setNode({
      kind: 'Node',
      key: 'here',
      zone: 'a',
      addresses: [address('192.168.0.2')],
      podCidrs: [],
    })
    builder.setLocalAddresses(new Set(['127.0.0.1', '192.168.0.2', '10.0.0.2'].map(address)))
    builder.setServiceCidr({ kind: 'ServiceCIDR', key: 'k', cidrs: [cidr('10.96.0.0/16')] })
    builder.setService(
      exampleService({
        loadBalancerIPs: [address('5.6.7.8')],
        ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 30080 }],
        ...service,
      }),
    )
    builder.setSlice(exampleSlice(endpoints))
    builder.drain()
    const [destination, port] = to
    const packet = {
      protocol: 'TCP',
      source: address(from),
      destination: address(destination),
      port,
    } as const
    t.is(describeEvaluation(builder, evaluate(builder.table, packet)).text, reason)
  })
}
