/** Arbitrary records for property tests: whatever the parsers can make, and nothing else. */
import fc from 'fast-check'
import type { ClusterRecord, ServiceRecord, SliceEndpoint, SliceRecord } from '../../../cluster/records.ts'
import {
  type Address,
  type Cidr,
  formatBytes,
  type IpFamily,
  parseAddress,
  parseCidr,
} from '../../../network/address.ts'
import { specialRange } from '../../../network/special-addresses.ts'

/** Any address, in its canonical spelling; those that stand for others (IPv4-mapped) are of IPv4. */
export function anyAddress(family: IpFamily): fc.Arbitrary<Address> {
  const length = family === 'IPv4' ? 4 : 16
  return fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => formatBytes(bytes))
    .filter((address) => parseAddress(address) === address)
}

/** Addresses that a Service or an endpoint may have. */
export function usableAddress(family: IpFamily): fc.Arbitrary<Address> {
  return anyAddress(family).filter((address) => specialRange(address) === undefined)
}

export function anyCidr(family: IpFamily): fc.Arbitrary<Cidr> {
  const most = family === 'IPv4' ? 32 : 128
  return fc
    .tuple(anyAddress(family), fc.integer({ min: 1, max: most }))
    .map(([address, length]) => parseCidr(`${address}/${length}`))
    .filter((cidr) => cidr !== undefined)
}

const name = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?$/)
const nodeName = fc.constantFrom('', 'node-a', 'node-b', 'node-c')
const names = fc.uniqueArray(name, { maxLength: 2 })
const port = fc.integer({ min: 1, max: 65_535 })
const family = fc.constantFrom('IPv4', 'IPv6')
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP')
const policy = fc.constantFrom('Cluster', 'Local')
const anyFamilyAddress = family.chain(usableAddress)
const addresses = fc.uniqueArray(anyFamilyAddress, { maxLength: 2 })

export const anyService: fc.Arbitrary<ServiceRecord> = fc
  .record({
    key: fc.tuple(name, name).map(([namespace, own]) => `${namespace}/${own}`),
    createdAt: fc.integer({ min: 0, max: 2_000_000_000 }),
    clusterIPs: fc.oneof(
      fc.tuple(usableAddress('IPv4')),
      fc.tuple(usableAddress('IPv6')),
      fc.tuple(usableAddress('IPv6'), usableAddress('IPv4')),
    ),
    externalIPs: addresses,
    loadBalancerIPs: addresses,
    sourceRanges: fc.uniqueArray(family.chain(anyCidr), { maxLength: 2 }),
    ports: fc.uniqueArray(
      fc.record({
        name: fc.oneof(fc.constant(''), name),
        protocol,
        port,
        nodePort: fc.oneof(fc.constant(0), port),
      }),
      { maxLength: 3, selector: (one) => `${one.name} ${one.protocol}` },
    ),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    affinitySeconds: fc.option(fc.integer({ min: 1, max: 86_400 }), { nil: undefined }),
    healthCheckNodePort: fc.oneof(fc.constant(0), port),
  })
  .map(({ affinitySeconds, healthCheckNodePort, ...service }) => ({
    kind: 'Service',
    ...service,
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
    // Only a load balancer of this policy has one.
    healthCheckNodePort: service.externalTrafficPolicy === 'Local' ? healthCheckNodePort : 0,
  }))

export function anyEndpoint(of: IpFamily): fc.Arbitrary<SliceEndpoint> {
  return fc.record({
    address: usableAddress(of),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
    nodeName,
    zoneHints: names,
    nodeHints: names,
  })
}

export const anySlice: fc.Arbitrary<SliceRecord> = fc
  .tuple(family, name, name, name)
  .chain(([of, namespace, own, service]) =>
    fc.record({
      kind: fc.constant('EndpointSlice' as const),
      key: fc.constant(`${namespace}/${own}`),
      serviceKey: fc.constant(`${namespace}/${service}`),
      family: fc.constant(of),
      ports: fc.array(fc.record({ name: fc.oneof(fc.constant(''), name), protocol, port }), { maxLength: 2 }),
      endpoints: fc.array(anyEndpoint(of), { maxLength: 6 }),
    }),
  )

export const anyRecord: fc.Arbitrary<ClusterRecord> = fc.oneof(
  anyService,
  anySlice,
  fc
    .record({
      kind: fc.constant('Node' as const),
      key: name,
      zone: fc.oneof(fc.constant(''), name),
      addresses: fc.uniqueArray(family.chain(anyAddress), { maxLength: 3 }),
      podCidrs: fc.uniqueArray(family.chain(anyCidr), { maxLength: 2 }),
      isTainted: fc.boolean(),
      leaving: fc.option(fc.constantFrom('deletion' as const, 'autoscaler' as const), { nil: undefined }),
    })
    .map(({ leaving, isTainted, ...node }) => ({
      ...node,
      ...(leaving === undefined ? {} : { leaving }),
      ...(isTainted ? { startupTaint: true as const } : {}),
    })),
  fc.record({
    kind: fc.constant('ServiceCIDR' as const),
    key: name,
    cidrs: fc.uniqueArray(family.chain(anyCidr), { maxLength: 2 }),
  }),
)
