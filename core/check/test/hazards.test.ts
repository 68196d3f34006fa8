import test from 'ava'
import type { ClusterRecord, ObjectProblem } from '../../cluster/records.ts'
import { address, cidr, examplePort, exampleService } from '../../table/builder/test/example-records.ts'
import { type HostPort, hazards } from '../hazards.ts'
import { exampleNode } from './compared.ts'

interface Row {
  readonly claim: string
  readonly records: readonly ClusterRecord[]
  readonly problems?: readonly ObjectProblem[]
  readonly hostPorts?: readonly HostPort[]
  readonly told: readonly (readonly [kind: string, example: string])[]
}

const nodePort = exampleService({ ports: [{ ...examplePort, nodePort: 30080 }] })
const taken: ObjectProblem = {
  kind: 'Service',
  object: 'default/web',
  field: 'spec.externalIPs',
  value: '203.0.113.1 80/TCP',
  fix: 'is taken',
  rival: 'default/other',
  skipped: 'value',
}

const rows: readonly Row[] = [
  {
    claim: "an external IP that is a node's own address is told, of whichever node",
    records: [
      exampleNode,
      { ...exampleNode, key: 'node-b', addresses: [address('192.168.50.12')] },
      exampleService({ externalIPs: [address('192.168.50.12')] }),
    ],
    told: [['address-of-node', 'default/web']],
  },
  {
    claim: 'an external IP of nobody is not',
    records: [exampleNode, exampleService({ externalIPs: [address('203.0.113.1')] })],
    told: [],
  },
  {
    claim: 'source ranges of one family leave the other one open',
    records: [
      exampleService({
        clusterIPs: [address('10.96.0.1'), address('fd00:10:96::1')],
        loadBalancerIPs: [address('203.0.113.1'), address('2001:db8::1')],
        sourceRanges: [cidr('198.51.100.0/24')],
      }),
    ],
    told: [['source-ranges-of-one-family', 'default/web']],
  },
  {
    claim:
      'addresses of a family that the Service does not have are served by nobody, and nothing is told of them',
    records: [
      { ...exampleNode, addresses: [address('2001:db8::2')] },
      exampleService({
        externalIPs: [address('2001:db8::2')],
        loadBalancerIPs: [address('203.0.113.1'), address('2001:db8::1')],
        sourceRanges: [cidr('198.51.100.0/24')],
      }),
    ],
    told: [],
  },
  {
    claim: 'where there is an address of one family alone nothing is open',
    records: [
      exampleService({ loadBalancerIPs: [address('203.0.113.1')], sourceRanges: [cidr('198.51.100.0/24')] }),
    ],
    told: [],
  },
  {
    claim: 'a host port that is a NodePort is told with its pod',
    records: [nodePort],
    hostPorts: [{ pod: 'ingress/nginx-1', port: 30080, protocol: 'TCP' }],
    told: [['host-port', 'default/web (pod ingress/nginx-1)']],
  },
  {
    claim: 'the pods of a DaemonSet with a host port are told as one',
    records: [nodePort],
    hostPorts: [1, 2, 3].map((number) => ({ pod: `ingress/nginx-${number}`, port: 30080, protocol: 'TCP' })),
    told: [['host-port', 'default/web (pod ingress/nginx-1 and 2 more)']],
  },
  {
    claim: 'the same port of another protocol is another port',
    records: [nodePort],
    hostPorts: [{ pod: 'ingress/nginx-1', port: 30080, protocol: 'UDP' }],
    told: [],
  },
  {
    claim: 'a destination that two Services claim is told of the one that loses it',
    records: [nodePort],
    problems: [taken],
    told: [['contested', 'default/web']],
  },
  {
    claim: 'a mistake within one Service is no contest',
    records: [nodePort],
    problems: [(({ rival: _, ...own }) => own)(taken)],
    told: [],
  },
]

for (const { claim, records, problems = [], hostPorts = [], told } of rows)
  test(claim, (t) => {
    const found = hazards(records, problems, hostPorts)
    t.true(found.every(({ services }) => services === 1))
    t.deepEqual(
      found.map(({ kind, examples }) => [kind, examples[0]]),
      told.map((one) => [...one]),
    )
  })
