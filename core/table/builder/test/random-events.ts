/** Random events for one builder, with few enough names, addresses and ports that they meet all the time. */
import fc from 'fast-check'
import type { ServiceRecord, SliceEndpoint, SliceRecord } from '../../../cluster/records.ts'
import { TableBuilder } from '../table-builder.ts'
import { address, cidr } from './example-records.ts'

export type Event =
  | { readonly do: 'setService'; readonly service: ServiceRecord }
  | { readonly do: 'removeService'; readonly key: string }
  | { readonly do: 'setSlice'; readonly slice: SliceRecord }
  | { readonly do: 'removeSlice'; readonly key: string }
  | { readonly do: 'setNode'; readonly zone: string; readonly addresses: readonly string[] }
  | { readonly do: 'setServiceCidr'; readonly key: string; readonly cidrs: readonly string[] }
  | { readonly do: 'removeServiceCidr'; readonly key: string }
  | { readonly do: 'setLocalAddresses'; readonly addresses: readonly string[] }
  | { readonly do: 'drain' }

const few = (prefix: string, count: number) =>
  fc.integer({ min: 1, max: count }).map((number) => `${prefix}${number}`)
const serviceKeys = few('default/s', 4)
export const addresses = few('10.96.0.', 4).map(address)

const servicePort = fc.record({
  name: fc.constantFrom('', 'a', 'b'),
  protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
  port: fc.constantFrom(80, 81),
  nodePort: fc.constantFrom(0, 0, 30080, 30081),
})

export const service: fc.Arbitrary<ServiceRecord> = fc.record({
  kind: fc.constant('Service' as const),
  key: serviceKeys,
  createdAt: fc.integer({ min: 0, max: 2 }),
  clusterIPs: fc.uniqueArray(addresses, { maxLength: 1 }),
  externalIPs: fc.uniqueArray(addresses, { maxLength: 2 }),
  loadBalancerIPs: fc.uniqueArray(addresses, { maxLength: 2 }),
  sourceRanges: fc.subarray(['10.0.0.0/8', '192.168.1.0/24', '192.168.0.0/16', 'fd00::/8'].map(cidr)),
  ports: fc.uniqueArray(servicePort, {
    maxLength: 3,
    selector: ({ name, protocol }) => `${name}/${protocol}`,
  }),
  internalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
  externalTrafficPolicy: fc.constantFrom('Cluster' as const, 'Local' as const),
  healthCheckNodePort: fc.constantFrom(0, 32000, 32001),
})

const endpoint: fc.Arbitrary<SliceEndpoint> = fc.record({
  address: few('10.1.0.', 6).map(address),
  ready: fc.boolean(),
  serving: fc.boolean(),
  terminating: fc.boolean(),
  nodeName: fc.constantFrom('here', 'there', ''),
  zoneHints: fc.subarray(['za', 'zb']),
  nodeHints: fc.subarray(['here']),
})

export const slice: fc.Arbitrary<SliceRecord> = fc.record({
  kind: fc.constant('EndpointSlice' as const),
  key: few('default/slice', 5),
  serviceKey: serviceKeys,
  family: fc.constant('IPv4' as const),
  ports: fc.array(
    fc.record({
      name: fc.constantFrom('', 'a', 'b'),
      protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
      port: fc.constantFrom(8080, 8081),
    }),
    { maxLength: 3 },
  ),
  endpoints: fc.array(endpoint, { maxLength: 5 }),
})

export const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('setService' as const), service }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('removeService' as const), key: serviceKeys }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('setSlice' as const), slice }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('removeSlice' as const), key: few('default/slice', 5) }),
  },
  fc.record({
    do: fc.constant('setNode' as const),
    zone: fc.constantFrom('', 'za', 'zb'),
    addresses: fc.subarray(['192.168.1.1', '10.0.0.1', 'fd00::1']),
  }),
  fc.record({
    do: fc.constant('setServiceCidr' as const),
    key: few('r', 2),
    cidrs: fc.subarray(['10.96.0.0/12', '10.112.0.0/16', 'fd00:1::/108']),
  }),
  fc.record({ do: fc.constant('removeServiceCidr' as const), key: few('r', 2) }),
  fc.record({
    do: fc.constant('setLocalAddresses' as const),
    addresses: fc.subarray(['127.0.0.1', '192.168.1.1', '10.0.0.1', '::1', 'fd00::1']),
  }),
  { weight: 3, arbitrary: fc.constant({ do: 'drain' as const }) },
)

export function newBuilder(): TableBuilder {
  return new TableBuilder({
    family: 'IPv4',
    nodeName: 'here',
    podSource: { by: 'cidr', cidr: cidr('10.1.0.0/16') },
  })
}

export function send(builder: TableBuilder, event: Event): void {
  switch (event.do) {
    case 'setService':
      builder.setService(event.service)
      return
    case 'removeService':
      builder.removeService(event.key)
      return
    case 'setSlice':
      builder.setSlice(event.slice)
      return
    case 'removeSlice':
      builder.removeSlice(event.key)
      return
    case 'setNode':
      builder.setNode({
        kind: 'Node',
        key: 'here',
        zone: event.zone,
        addresses: event.addresses.map(address),
        podCidrs: [],
      })
      return
    case 'setServiceCidr':
      builder.setServiceCidr({ kind: 'ServiceCIDR', key: event.key, cidrs: event.cidrs.map(cidr) })
      return
    case 'removeServiceCidr':
      builder.removeServiceCidr(event.key)
      return
    case 'setLocalAddresses':
      builder.setLocalAddresses(new Set(event.addresses.map(address)))
      return
    case 'drain':
      builder.drain()
  }
}
