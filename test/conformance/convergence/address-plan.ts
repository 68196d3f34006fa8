import type { IpFamily } from '@portolan/core'
import type { ServicePort } from '@portolan/core/cluster'
import { type Protocol, podAddress, remotePodAddress } from '@portolan/lab'

/** What random sequences are about: names, addresses and ports, all of them such as a lab has. */

/** This node's name, as slices name it. */
export const nodeName = 'node-a'

/** Few of everything, so that Services meet at the same addresses and ports all the time. */
export const services = ['gate/a', 'gate/b', 'gate/c', 'gate/d'] as const

export const texts = {
  IPv4: {
    clusterIP: (index: number) => `10.96.0.${1 + index}`,
    unallocated: '10.96.0.77',
    external: ['203.0.113.51', '203.0.113.52', '203.0.113.53', '172.20.0.2'],
    node: ['172.20.0.2', '172.21.0.1', '172.22.0.1'],
    loopback: '127.0.0.1',
    local: (index: number) => podAddress('IPv4', index),
    remote: (index: number) => remotePodAddress('IPv4', index),
    ranges: ['198.51.100.0/24', '198.51.100.7/32', '172.20.0.0/16', '0.0.0.0/0'],
    serviceCidrs: ['10.96.0.0/16', '10.97.0.0/16', '10.96.0.0/24'],
  },
  IPv6: {
    clusterIP: (index: number) => `fd00:10:96::${1 + index}`,
    unallocated: 'fd00:10:96::77',
    external: ['2001:db8::51', '2001:db8::52', '2001:db8::53', 'fd00:172:20::2'],
    node: ['fd00:172:20::2', 'fd00:172:21::1', 'fd00:172:22::1'],
    loopback: '::1',
    local: (index: number) => podAddress('IPv6', index),
    remote: (index: number) => remotePodAddress('IPv6', index),
    ranges: ['2001:db8:f::/48', '2001:db8:f::7/128', 'fd00:172:20::/64', '::/0'],
    serviceCidrs: ['fd00:10:96::/112', 'fd00:10:97::/112', 'fd00:10:96::/120'],
  },
} as const

export const ports: readonly Omit<ServicePort, 'nodePort'>[] = [
  { name: '', protocol: 'TCP', port: 80 },
  { name: 'u', protocol: 'UDP', port: 80 },
  { name: 's', protocol: 'SCTP', port: 80 },
  { name: 'x', protocol: 'TCP', port: 443 },
]

const firstNodePort = 30_080
/** How many there are to choose from. */
const nodePortCount = 4

export function nodePort(index: number): number {
  return firstNodePort + (index % nodePortCount)
}

/** Another one for each Service, so that an answer from a wrong one's endpoint shows. */
export function targetPort(service: (typeof services)[number], port: number): number {
  return (port === 443 ? 8443 : 8080) + services.indexOf(service)
}

/** Where endpoints can listen. */
export const targetPorts: readonly { readonly protocol: Protocol; readonly port: number }[] =
  services.flatMap((service) =>
    ports.map(({ protocol, port }) => ({ protocol, port: targetPort(service, port) })),
  )

/** A slice's endpoints are among so many. */
export const mostEndpoints = 21

/** No Service has it. */
const otherPort = 81

export interface PlannedDestination {
  readonly address: string
  readonly protocol: Protocol
  readonly port: number
}

/** Whatever a sequence can make a destination of, and what is near it. */
export function plannedDestinations(family: IpFamily): readonly PlannedDestination[] {
  const { clusterIP, external, node, unallocated } = texts[family]
  const own = [...services.map((_, index) => clusterIP(index)), unallocated, ...external]
  const ofService = [...new Set([...own, ...node])].flatMap((address) =>
    [
      ...ports,
      { protocol: 'TCP' as const, port: otherPort },
      { protocol: 'UDP' as const, port: otherPort },
    ].map(({ protocol, port }) => ({ address, protocol, port })),
  )
  const nodePorts = Array.from({ length: nodePortCount }, (_, index) => nodePort(index))
  const ofNode = node.flatMap((address) =>
    (['TCP', 'UDP', 'SCTP'] as const).flatMap((protocol) =>
      nodePorts.map((port) => ({ address, protocol, port })),
    ),
  )
  return [...ofService, ...ofNode]
}
