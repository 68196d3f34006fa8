import fc from 'fast-check'

/**
 * Objects as an API server writes them in JSON: of the right types, for protobuf has no others, but with any content. What
 * Go leaves out where it is empty isn't there, and what it never leaves out is.
 */
const absentOr = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined, freq: 2 })
const anyText = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.toWellFormed()),
  fc.constantFrom(
    '10.0.0.1',
    'fd00::1',
    '10.0.0.041',
    '127.0.0.1',
    '10.0.0.0/8',
    '::/0',
    'x'.repeat(300),
    '__proto__',
  ),
)
/** Of which the empty one is as none. */
const filled = (...likely: readonly string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...likely) },
    anyText.filter((text) => text !== ''),
  )
const pointed = (...likely: readonly string[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...likely) }, anyText)
const int32 = fc.oneof(
  fc.constantFrom(0, 80, 8080, 65_535, 65_536, -1, 2 ** 31 - 1, -(2 ** 31)),
  fc.integer(),
)
const nonZero = int32.filter((number) => number !== 0)
/** Absent where it is empty. */
const listOf = (value: fc.Arbitrary<unknown>) => absentOr(fc.array(value, { minLength: 1, maxLength: 3 }))
const orNull = (value: fc.Arbitrary<unknown>) => listOf(value).map((list) => list ?? null)

/** `undefined` members as JSON has them: not at all. */
const object = (members: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(members).map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>)

const seconds = fc.integer({ min: 1, max: 4_000_000_000 })
const time = seconds.map((at) => new Date(at * 1000).toISOString().replace('.000Z', 'Z'))
const labels = fc.dictionary(
  pointed(
    'app',
    'service.kubernetes.io/service-proxy-name',
    'service.kubernetes.io/headless',
    'kubernetes.io/service-name',
    'topology.kubernetes.io/zone',
    'endpoints.kubernetes.io/last-change-trigger-time',
  ),
  pointed('web', '', 'zone-a', '2026-01-02T03:04:05Z'),
  { minKeys: 1, maxKeys: 4 },
)

const metadata = object({
  name: filled('web', 'web-1'),
  namespace: absentOr(filled('shop')),
  uid: absentOr(filled('0b7e1f6e')),
  resourceVersion: absentOr(filled('7')),
  generation: absentOr(fc.integer({ min: 1 })),
  creationTimestamp: absentOr(time),
  deletionTimestamp: absentOr(time),
  labels: fc.oneof(fc.constant({ 'kubernetes.io/service-name': 'web' }), absentOr(labels)),
  annotations: absentOr(labels),
  finalizers: listOf(anyText),
  managedFields: listOf(object({ manager: filled('kubectl'), fieldsV1: fc.constant({ 'f:spec': {} }) })),
})

const address = pointed('10.0.0.1', '10.0.0.2', 'fd00::1', 'nonsense', '')

export const goServices = object({
  metadata,
  spec: object({
    type: absentOr(filled('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName')),
    clusterIP: absentOr(filled('10.96.0.1', 'None', 'fd00::1')),
    clusterIPs: listOf(pointed('10.96.0.1', 'fd00:10:96::1')),
    ipFamilies: listOf(pointed('IPv4', 'IPv6')),
    externalIPs: listOf(address),
    loadBalancerSourceRanges: listOf(pointed('10.0.0.0/8', '10.0.0.1', '::/0')),
    sessionAffinity: absentOr(filled('None', 'ClientIP')),
    sessionAffinityConfig: absentOr(
      object({ clientIP: absentOr(object({ timeoutSeconds: absentOr(int32) })) }),
    ),
    internalTrafficPolicy: absentOr(pointed('Cluster', 'Local')),
    externalTrafficPolicy: absentOr(filled('Cluster', 'Local')),
    healthCheckNodePort: absentOr(nonZero),
    selector: absentOr(labels),
    ports: listOf(
      object({
        name: absentOr(filled('http', 'dns')),
        protocol: absentOr(filled('TCP', 'UDP', 'SCTP')),
        port: int32,
        nodePort: absentOr(nonZero),
        targetPort: fc.oneof(anyText, int32),
        appProtocol: absentOr(anyText),
      }),
    ),
  }),
  status: object({
    loadBalancer: object({
      ingress: listOf(
        object({
          ip: absentOr(filled('203.0.113.1', 'fe80::1')),
          hostname: absentOr(filled('lb.example.com')),
          ipMode: absentOr(pointed('VIP', 'Proxy')),
        }),
      ),
    }),
  }),
})

const hint = object({ name: pointed('zone-a', 'node-1') })
const flag = absentOr(fc.boolean())

export const goSlices = object({
  metadata,
  addressType: pointed('IPv4', 'IPv6', 'FQDN'),
  endpoints: orNull(
    object({
      addresses: orNull(address),
      conditions: object({ ready: flag, serving: flag, terminating: flag }),
      hostname: absentOr(anyText),
      nodeName: absentOr(pointed('node-1', 'node-2')),
      zone: absentOr(pointed('zone-a')),
      hints: absentOr(object({ forZones: listOf(hint), forNodes: listOf(hint) })),
      targetRef: absentOr(object({ kind: filled('Pod'), name: filled('web-1') })),
    }),
  ),
  ports: orNull(
    object({
      name: absentOr(pointed('http', '')),
      protocol: absentOr(pointed('TCP', 'UDP')),
      port: absentOr(int32),
      appProtocol: absentOr(anyText),
    }),
  ),
})

export const goNodes = object({
  metadata,
  spec: object({
    podCIDR: absentOr(filled('10.244.1.0/24')),
    podCIDRs: listOf(pointed('10.244.1.0/24', 'fd00:244::/64')),
    providerID: absentOr(filled('example://1')),
    taints: listOf(object({ key: pointed('ToBeDeletedByClusterAutoscaler'), effect: anyText })),
  }),
  status: object({
    addresses: listOf(
      object({
        type: pointed('InternalIP', 'ExternalIP', 'Hostname'),
        address: pointed('192.0.2.1', 'node-1'),
      }),
    ),
  }),
})

export const goServiceCidrs = object({
  metadata,
  spec: object({ cidrs: listOf(pointed('10.96.0.0/16', 'fd00:10:96::/112')) }),
})
