import test from 'ava'
import { parseService } from '../parse-service.ts'
import type { ServiceRecord } from '../records.ts'

interface Row {
  readonly claim: string
  readonly metadata?: object
  readonly spec?: object
  readonly status?: object
  /** What the record says; `undefined`: there is none. */
  readonly expect: Partial<ServiceRecord> | undefined
  /** Fields that problems name, in their order. */
  readonly problems?: readonly string[]
}

const ingress = (...entries: object[]) => ({ loadBalancer: { ingress: entries } })

const rows: readonly Row[] = [
  {
    claim: 'a plain Service has the defaults',
    expect: {
      key: 'default/web',
      clusterIPs: ['10.96.0.1'],
      externalIPs: [],
      loadBalancerIPs: [],
      sourceRanges: [],
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
      createdAt: 0,
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }],
    } as never,
  },
  {
    claim: 'the label of another proxy makes a Service not ours, whatever its value',
    metadata: { labels: { 'service.kubernetes.io/service-proxy-name': '' } },
    expect: undefined,
  },
  { claim: 'a headless Service is not ours', spec: { clusterIP: 'None' }, expect: undefined },
  {
    claim: 'a Service that is headless by its list is not ours',
    spec: { clusterIP: undefined, clusterIPs: ['None'] },
    expect: undefined,
  },
  {
    claim:
      'a Service without a ClusterIP is told and left out: a file has to name what an API server allocates',
    spec: { clusterIP: '' },
    expect: undefined,
    problems: ['spec.clusterIP'],
  },
  {
    claim: 'a Service of type NodePort without one is told, and keeps its other addresses',
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
    expect: { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }] },
    problems: ['spec.ports[0].nodePort'],
  },
  {
    claim: 'a load balancer needs no NodePort (allocateLoadBalancerNodePorts)',
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    expect: { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }] },
  },
  {
    claim: 'an ExternalName is not ours even with a ClusterIP',
    spec: { type: 'ExternalName' },
    expect: undefined,
  },
  {
    claim: 'a Service without ports is kept, without ports',
    spec: { ports: undefined },
    expect: { ports: [] },
  },
  {
    claim: 'SCTP is a protocol like the others',
    spec: { ports: [{ name: 's', protocol: 'SCTP', port: 1234 }] },
    expect: { ports: [{ name: 's', protocol: 'SCTP', port: 1234, nodePort: 0 }] },
  },
  {
    claim: 'one port number in three protocols is three ports',
    spec: { ports: ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ name: 'dns', protocol, port: 53 })) },
    expect: {
      ports: ['TCP', 'UDP', 'SCTP'].map((protocol) => ({
        name: 'dns',
        protocol,
        port: 53,
        nodePort: 0,
      })) as never,
    },
  },
  {
    claim: 'leading zeros are decimal',
    spec: {
      clusterIP: '172.30.0.041',
      externalIPs: ['192.168.001.010'],
      loadBalancerSourceRanges: ['203.0.113.000/025'],
    },
    expect: {
      clusterIPs: ['172.30.0.41'],
      externalIPs: ['192.168.1.10'],
      sourceRanges: ['203.0.113.0/25'],
    } as never,
  },
  {
    claim: 'dual stack takes the addresses by their families',
    spec: { clusterIPs: ['10.96.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] },
    expect: { clusterIPs: ['10.96.0.1', 'fd00::1'] } as never,
  },
  {
    claim: 'an address under the wrong family is left out',
    spec: { clusterIPs: ['10.96.0.1', '10.96.0.2'], ipFamilies: ['IPv4', 'IPv6'] },
    expect: { clusterIPs: ['10.96.0.1'] } as never,
    problems: ['spec.clusterIPs[1]'],
  },
  {
    claim: 'a very old Service without ipFamilies uses its clusterIP',
    spec: { clusterIP: 'fd00::1' },
    expect: { clusterIPs: ['fd00::1'] } as never,
  },
  {
    claim: 'a broken ClusterIP leaves the Service out',
    spec: { clusterIP: '10.96.0.256' },
    expect: undefined,
    problems: ['spec.clusterIP'],
  },
  {
    claim: 'a loopback ClusterIP is refused',
    spec: { clusterIP: '127.0.0.1' },
    expect: undefined,
    problems: ['spec.clusterIP'],
  },
  {
    claim: 'broken external IPs are skipped and told, empty ones silently',
    spec: {
      externalIPs: ['1.2.3.4', 'nonsense', '', 7, '1.2.3.4', '224.0.0.1', '0.0.0.0', '169.254.169.254'],
    },
    expect: { externalIPs: ['1.2.3.4'] } as never,
    problems: [
      'spec.externalIPs[1]',
      'spec.externalIPs[3]',
      'spec.externalIPs[5]',
      'spec.externalIPs[6]',
      'spec.externalIPs[7]',
    ],
  },
  {
    claim: 'load balancer addresses count with ipMode VIP or none',
    status: ingress(
      { ip: '1.1.1.1' },
      { ip: '2.2.2.2', ipMode: 'VIP' },
      { ip: '3.3.3.3', ipMode: 'Proxy' },
      { hostname: 'x.example' },
      { ip: '' },
    ),
    expect: { loadBalancerIPs: ['1.1.1.1', '2.2.2.2'] } as never,
  },
  {
    claim: 'an unknown ipMode leaves the address out',
    status: ingress({ ip: '1.1.1.1', ipMode: 'Tunnel' }),
    expect: { loadBalancerIPs: [] },
    problems: ['status.loadBalancer.ingress[0].ipMode'],
  },
  {
    claim: 'source ranges are trimmed',
    spec: { loadBalancerSourceRanges: [' 10.0.0.0/8 ', ''] },
    expect: { sourceRanges: ['10.0.0.0/8'] } as never,
  },
  {
    claim: 'a broken source range closes the load balancer addresses of a family that has no other',
    spec: { loadBalancerSourceRanges: ['10.0.0.0/33', 'fd00::/8'] },
    status: ingress({ ip: '1.1.1.1' }, { ip: '2001:db8::1' }),
    expect: { sourceRanges: ['fd00::/8'], loadBalancerIPs: ['2001:db8::1'] } as never,
    problems: ['spec.loadBalancerSourceRanges[0]'],
  },
  {
    claim: 'source ranges that are no list close the load balancer addresses',
    spec: { loadBalancerSourceRanges: '10.0.0.0/8' },
    status: ingress({ ip: '1.1.1.1' }),
    expect: { loadBalancerIPs: [] },
    problems: ['spec.loadBalancerSourceRanges'],
  },
  {
    claim: 'policies are taken as written',
    spec: { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
    expect: { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
  },
  {
    claim: 'an unknown policy is read as Cluster',
    spec: { externalTrafficPolicy: 'Nearby' },
    expect: { externalTrafficPolicy: 'Cluster' },
    problems: ['spec.externalTrafficPolicy'],
  },
  {
    claim: 'ClientIP affinity lasts three hours by default',
    spec: { sessionAffinity: 'ClientIP' },
    expect: { affinitySeconds: 10_800 },
  },
  {
    claim: 'ClientIP affinity takes its timeout',
    spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } },
    expect: { affinitySeconds: 60 },
  },
  {
    claim: 'an impossible timeout is read as the default',
    spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
    expect: { affinitySeconds: 10_800 },
    problems: ['spec.sessionAffinityConfig.clientIP.timeoutSeconds'],
  },
  {
    claim: 'the health check port counts for a load balancer with policy Local',
    spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 },
    expect: { healthCheckNodePort: 31000 },
  },
  {
    claim: 'the health check port counts for nothing else',
    spec: {
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 31000,
      ports: [{ port: 80, nodePort: 30080 }],
    },
    expect: { healthCheckNodePort: 0 },
  },
  {
    claim: 'a port out of range is left out, the others stay',
    spec: {
      ports: [
        { name: 'a', port: 70000 },
        { name: 'b', port: 80, nodePort: 30080 },
      ],
    },
    expect: { ports: [{ name: 'b', protocol: 'TCP', port: 80, nodePort: 30080 }] },
    problems: ['spec.ports[0].port'],
  },
  {
    claim: 'a NodePort out of range leaves the port without one',
    spec: { ports: [{ port: 80, nodePort: -1 }] },
    expect: { ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }] },
    problems: ['spec.ports[0].nodePort'],
  },
  {
    claim: 'an unknown protocol leaves the port out',
    spec: { ports: [{ port: 80, protocol: 'QUIC' }] },
    expect: { ports: [] },
    problems: ['spec.ports[0].protocol'],
  },
  {
    claim: 'of two ports with one name and protocol the first counts',
    spec: {
      ports: [
        { name: 'a', port: 80 },
        { name: 'a', port: 81 },
      ],
    },
    expect: { ports: [{ name: 'a', protocol: 'TCP', port: 80, nodePort: 0 }] },
    problems: ['spec.ports[1].name'],
  },
  {
    claim: 'a port name that could be mistaken for a part of a key is refused',
    spec: { ports: [{ name: 'a/b:c', port: 80 }] },
    expect: { ports: [] },
    problems: ['spec.ports[0].name'],
  },
  {
    claim: 'a namespace that is left out is default',
    metadata: { namespace: undefined },
    expect: { key: 'default/web' },
  },
  {
    claim: 'a name of 100 KB leaves the object out',
    metadata: { name: 'x'.repeat(100_000) },
    expect: undefined,
    problems: ['metadata.name'],
  },
  {
    claim: 'a name that reaches for a prototype leaves the object out',
    metadata: { name: '__proto__' },
    expect: undefined,
    problems: ['metadata.name'],
  },
  {
    claim: 'a namespace that is no name leaves the object out',
    metadata: { namespace: 'a/b' },
    expect: undefined,
    problems: ['metadata.namespace'],
  },
  {
    claim: 'the time of creation is in seconds',
    metadata: { creationTimestamp: '2026-01-02T03:04:05Z' },
    expect: { createdAt: 1_767_323_045 },
  },
]

for (const row of rows) {
  test(row.claim, (t) => {
    const { record, problems } = parseService({
      metadata: { name: 'web', namespace: 'default', ...row.metadata },
      spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }], ...row.spec },
      status: row.status,
    })
    if (row.expect === undefined) t.is(record, undefined)
    else t.like(record, row.expect as object)
    t.deepEqual(
      problems.map(({ field }) => field),
      row.problems ?? [],
    )
  })
}

const unservedRows: readonly [string, object, object, object][] = [
  ['headless', {}, { clusterIP: 'None' }, { why: 'headless', addresses: [] }],
  [
    "another proxy's",
    { labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
    { clusterIP: '10.96.0.9', externalIPs: ['192.0.2.9', 'broken'] },
    { why: 'otherProxy', addresses: ['10.96.0.9', '192.0.2.9'] },
  ],
  [
    'an ExternalName',
    {},
    { type: 'ExternalName', clusterIP: '', externalIPs: ['192.0.2.9'] },
    { why: 'externalName', addresses: ['192.0.2.9'] },
  ],
]

for (const [what, metadata, spec, unserved] of unservedRows) {
  test(`a Service that is ${what} is valid: no problem, and why it isn't served is kept for explain`, (t) => {
    const parsed = parseService({ metadata: { name: 'web', ...metadata }, spec })
    t.is(parsed.record, undefined)
    t.deepEqual(parsed.problems, [])
    t.deepEqual(parsed.unserved, { kind: 'Service', object: 'default/web', ...unserved } as never)
  })
}

test('a Service without a spec is told and left out', (t) => {
  const { key, record, problems } = parseService({ metadata: { name: 'web' } })
  t.is(key, 'default/web')
  t.is(record, undefined)
  t.like(problems[0], {
    kind: 'Service',
    object: 'default/web',
    field: 'spec',
    value: 'nothing',
    skipped: 'object',
  })
})

test('a problem shows at most 80 characters of a value, and none that could upset a terminal', (t) => {
  const nasty = `\u001b[31m\n\u202e${'x'.repeat(1000)}`
  const { problems } = parseService({ metadata: { name: nasty, namespace: nasty }, spec: {} })
  t.true(problems.length > 0)
  for (const { object, value } of problems) {
    t.true(value.length <= 80)
    t.notRegex(object + value, /[\p{Cc}\p{Cf}]/u)
  }
})
