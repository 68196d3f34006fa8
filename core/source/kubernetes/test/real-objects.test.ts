import type { ApiObject } from '@portolan/api-server'
import { realApiServerTest, serviceRanges } from '@portolan/real-api-server'
import test from 'ava'
import type { ServiceRecord, SliceRecord } from '../../../cluster/records.ts'
import { generousMs, inParallel, RealCluster, service, slice } from './real-cluster.ts'

// Objects as a real kube-apiserver's defaulting, allocation and validation leave them.

const real = realApiServerTest(test)
const limitMs = 240_000

/** All ways to combine one value of each. */
function combinations(choices: Readonly<Record<string, readonly unknown[]>>): Record<string, unknown>[] {
  return Object.entries(choices).reduce<Record<string, unknown>[]>(
    (rows, [name, values]) =>
      rows.flatMap((row) => values.map((value) => (value === undefined ? row : { ...row, [name]: value }))),
    [{}],
  )
}

const ports = [
  [{ port: 80 }],
  [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 'dns' },
    { name: 'sctp', port: 53, protocol: 'SCTP' },
  ],
]

/** Of which the server accepts some, and this test isn't the one to know which. */
const specs = combinations({
  type: [undefined, 'ClusterIP', 'NodePort', 'LoadBalancer'],
  ports,
  ipFamilyPolicy: [undefined, 'PreferDualStack', 'RequireDualStack'],
  ipFamilies: [undefined, ['IPv6']],
  internalTrafficPolicy: [undefined, 'Local'],
  externalTrafficPolicy: [undefined, 'Local'],
  sessionAffinity: [undefined, 'ClientIP'],
  allocateLoadBalancerNodePorts: [undefined, false],
}).concat([
  { type: 'ExternalName', externalName: 'example.com' },
  { clusterIP: 'None', ports: [{ port: 80 }] },
  { clusterIP: 'None' },
  { externalIPs: ['203.0.113.1', '2001:db8::1'], ports: [{ port: 80 }] },
  { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8', '2001:db8::/32'], ports: [{ port: 80 }] },
  { type: 'LoadBalancer', loadBalancerClass: 'example.com/internal', ports: [{ port: 80 }] },
  {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } },
    ports: [{ port: 80 }],
  },
  { trafficDistribution: 'PreferSameZone', ports: [{ port: 80 }] },
  { publishNotReadyAddresses: true, ports: [{ port: 80, appProtocol: 'kubernetes.io/h2c' }] },
])

const endpointConditions = combinations({
  ready: [undefined, true, false],
  serving: [undefined, true, false],
  terminating: [undefined, true, false],
})

const sliceParts = combinations({
  addressType: ['IPv4', 'IPv6', 'FQDN'],
  ports: [undefined, [], [{ port: 80 }], [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'any' }]],
  labels: [undefined, {}],
  hinted: [undefined, true],
})

const addressOf = { IPv4: '10.1.0.', IPv6: 'fd00:10:1::', FQDN: 'host-' } as const

function sliceOf(number: number, parts: Record<string, unknown>): ApiObject {
  const type = parts.addressType as keyof typeof addressOf
  const { metadata } = slice(`slice-${number}`, [])
  const hints = { forZones: [{ name: 'zone-a' }], forNodes: [{ name: 'node-1' }] }
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, ...(parts.labels === undefined ? {} : { labels: {} }) },
    addressType: type,
    endpoints: endpointConditions.map((conditions, at) => ({
      addresses: [`${addressOf[type]}${at + 1}${type === 'FQDN' ? '.example.com' : ''}`],
      conditions,
      ...(at % 2 === 0 ? { nodeName: 'node-1', zone: 'zone-a' } : {}),
      ...(parts.hinted === undefined ? {} : { hints }),
    })),
    ...(parts.ports === undefined ? {} : { ports: parts.ports }),
  }
}

const byKey = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]) =>
  one < other ? -1 : 1

real(
  'every Service and EndpointSlice that it accepts is read without a problem, the same in protobuf and JSON',
  async (t) => {
    t.timeout(limitMs)
    await using cluster = await RealCluster.start()
    const objects = [
      ...specs.map((spec, number) => ({ ...service(`service-${number}`), spec })),
      ...sliceParts.map((parts, number) => sliceOf(number, parts)),
    ]
    let accepted = 0
    const refused = new Set<string>()
    await inParallel(objects, 16, (object) =>
      cluster.createObject(object).then(
        () => accepted++,
        (error: Error) => refused.add(error.message.replace(/^.*is invalid: /, '')),
      ),
    )
    t.log(
      `${accepted} of ${objects.length} objects accepted; refused, for example: ${[...refused].slice(0, 2).join(' / ')}`,
    )
    t.true(accepted > objects.length / 3)
    await using observed = await cluster.source()
    await using byJson = await cluster.source({ forms: 'json' })
    for (const source of [observed, byJson]) {
      await source.until((o) => o.allSynced, generousMs)
      t.deepEqual(source.problems, [])
      t.deepEqual(source.complaints(), [])
    }
    t.true(observed.records.size > accepted / 3)
    t.deepEqual([...observed.records].sort(byKey), [...byJson.records].sort(byKey))
  },
)

real('what a written object omits is what the server makes of it', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  await cluster.createObject({ ...service('plain'), spec: { ports: [{ port: 80 }] } })
  await cluster.createObject(
    service('balancer', {
      type: 'LoadBalancer',
      ipFamilyPolicy: 'RequireDualStack',
      externalTrafficPolicy: 'Local',
      sessionAffinity: 'ClientIP',
    }),
  )
  await cluster.createObject({
    ...slice('plain', ['10.1.0.1']),
    endpoints: [{ addresses: ['10.1.0.1'] }],
    ports: [{ port: 8080 }],
  })
  const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }, { hostname: 'lb.example.com' }] } }
  await cluster.server.client.request('PATCH', '/api/v1/namespaces/shop/services/balancer/status', {
    body: { status },
    contentType: 'application/merge-patch+json',
  })
  await using observed = await cluster.source()
  await observed.until((o) => o.allSynced, generousMs)
  await observed.until(
    (o) => (o.records.get('Service shop/balancer') as ServiceRecord)?.loadBalancerIPs.length === 1,
  )
  const plain = observed.records.get('Service shop/plain') as ServiceRecord
  t.regex(plain.clusterIPs.join(), /^10\.9[6-9]\./)
  t.deepEqual(
    { ...plain, clusterIPs: [], createdAt: 0 },
    {
      kind: 'Service',
      key: 'shop/plain',
      createdAt: 0,
      clusterIPs: [],
      externalIPs: [],
      loadBalancerIPs: [],
      sourceRanges: [],
      ports: [{ name: '', protocol: 'TCP', port: 80, nodePort: 0 }],
      internalTrafficPolicy: 'Cluster',
      externalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
    },
  )
  const balancer = observed.records.get('Service shop/balancer') as ServiceRecord
  t.is(balancer.clusterIPs.length, 2)
  t.is(balancer.externalTrafficPolicy, 'Local')
  t.is(balancer.affinitySeconds, 10_800)
  t.true(balancer.healthCheckNodePort >= 30_000)
  t.true((balancer.ports[0]?.nodePort ?? 0) >= 30_000)
  const { endpoints, ports } = observed.records.get('EndpointSlice shop/plain') as SliceRecord
  t.deepEqual(ports, [{ name: '', protocol: 'TCP', port: 8080 }])
  t.like(endpoints[0], { address: '10.1.0.1', ready: true, serving: true, terminating: false, nodeName: '' })
  const cidrs = [...observed.records.values()].flatMap((record) =>
    record.kind === 'ServiceCIDR' ? record.cidrs : [],
  )
  t.deepEqual(cidrs, Object.values(serviceRanges))
  t.deepEqual(observed.problems, [])
})

real('bursts of creations, changes and deletions end in what a plain list says', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  await using early = await cluster.source()
  for (let burst = 0; burst < 4; burst++) {
    const names = Array.from({ length: 60 }, (_, number) => `burst-${number}`)
    await inParallel(names, 16, async (name) => {
      const number = Number(name.slice(6))
      const state = (number * 7 + burst * 5) % 4
      const addresses = Array.from({ length: state + 1 }, (_, at) => `10.${burst}.${number}.${at + 1}`)
      if (state === 0) {
        // Not there in the first burst, nor after the last one that removed it.
        await cluster.remove(slice(name, [])).catch(() => {})
        await cluster.remove(service(name)).catch(() => {})
        return
      }
      await cluster.apply(service(name, { type: state === 2 ? 'NodePort' : 'ClusterIP' }))
      await cluster.apply(slice(name, addresses))
    })
    if (burst % 2 === 1) await cluster.converged(early)
  }
  await cluster.converged(early)
  // Who comes later sees the same.
  await using late = await cluster.source()
  await late.until((o) => o.allSynced, generousMs)
  await cluster.converged(late)
  t.deepEqual(early.problems, [])
  t.deepEqual(early.complaints(), [])
})
