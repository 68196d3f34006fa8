/**
 * The keys and values of the maps, field by field: the one description that encoders and decoders here go by. The C
 * side is native/bpf/structures.h, and layout.test.ts compares the two.
 */

/** The width of a field in bytes: an address is 16, IPv4 addresses being IPv4-mapped. */
type Fields = Readonly<Record<string, number>>

export interface StructLayout<Field extends string = string> {
  /** Bytes. */
  readonly size: number
  /** Bytes from the start, by field. */
  readonly at: Readonly<Record<Field, number>>
}

function struct<Given extends Fields>(fields: Given): StructLayout<keyof Given & string> {
  let size = 0
  const at: Record<string, number> = {}
  for (const [name, width] of Object.entries(fields)) {
    at[name] = size
    size += width
  }
  return { size, at: at as Record<keyof Given & string, number> }
}

/** By their names in C. */
export const structs = {
  frontend_key: struct({ address: 16, port: 2, protocol: 1, kind: 1 }),
  frontend: struct({ service: 4, verdict: 3, flags: 1 }),
  service: struct({ word: 8, affinity_seconds: 4, pad: 4 }),
  endpoint: struct({ address: 16, port: 2, pad: 2 }),
  range_key: struct({ prefix_length: 4, scope: 4, address: 16 }),
  member_key: struct({ address: 16, service: 4, port: 2, local: 2 }),
  affinity_key: struct({ client: 16, service: 4, local: 4 }),
  affinity: struct({ address: 16, last: 8, port: 2, pad: 6 }),
  flow_key: struct({ source: 16, destination: 16, source_port: 2, destination_port: 2, protocol: 4 }),
  flow: struct({
    source: 16,
    destination: 16,
    source_port: 2,
    destination_port: 2,
    service: 4,
    last: 8,
    state: 1,
    reply: 1,
    local: 1,
    pad: 1,
    begun: 4,
  }),
  untranslated: struct({ last: 8, state: 1, turned: 1, pad: 6 }),
  fragment_key: struct({ source: 16, destination: 16, id: 4, protocol: 4 }),
  fragment: struct({ last: 8, source_port: 2, destination_port: 2, protocol: 4 }),
  peer_key: struct({ socket: 8, address: 16, port: 2, pad: 6 }),
  peer: struct({ address: 16, port: 2, unconnected: 1, pad: 1, service: 4 }),
  choice: struct({ address: 16, port: 2, pad: 2 }),
  device_key: struct({ interface: 4, family: 4 }),
  device: struct({ address: 16, flags: 4, bridge: 4 }),
  settings: struct({ node: 8, first_port: 2, last_port: 2, listed_only: 1, pod_class: 1, pad: 2 }),
} as const

/** Of the object that closes sockets (native/bpf/close.bpf.c), which Linux 6.5 can load. */
export const closingStructs = {
  removed_key: struct({ address: 16, service: 4, port: 2, protocol: 1, pad: 1 }),
} as const

/** What a key of the frontends map stands for. */
export const frontendKind = {
  address: 0,
  nodePort: 1,
  clusterIP: 2,
  nodePortAddress: 3,
  localAddress: 4,
} as const

/** Bits of a verdict. */
export const verdictBit = { reject: 1, drop: 2, balance: 4, local: 8, masquerade: 16, atSocket: 32 } as const

/** Flag of a frontend whose clients are restricted to the ranges of its service. */
export const hasRanges = 1

/** Scopes of the ranges map that are not services. */
export const rangeScope = { unallocated: 0, pods: 0xffffffff } as const

/** Flag of a device whose packets come from local pods. */
export const deviceOfPods = 1

export const familyIndex = { IPv4: 0, IPv6: 1 } as const

export const protocolNumber = { TCP: 6, UDP: 17, SCTP: 132 } as const

/** Indexes of a frontend's verdicts. */
export const sourceClassIndex = { pod: 0, node: 1, outside: 2 } as const

/** Maps whose elements user space writes, and those in which the programs remember connections. */
export const tableMaps = ['frontends', 'services', 'endpoints', 'ranges', 'members'] as const
export const nodeMaps = ['devices', 'namespaces', 'node_settings'] as const
export const connectionMaps = [
  'affinities',
  'flows',
  'untranslated',
  'fragments',
  'peers',
  'choices',
] as const
export const allMaps = [...tableMaps, ...nodeMaps, ...connectionMaps] as const

export type MapName = (typeof allMaps)[number]

/** Programs at sockets, by the cgroup hook that they are for. */
export const socketPrograms = {
  connect4: 'connect_ipv4',
  connect6: 'connect_ipv6',
  sendmsg4: 'sendmsg_ipv4',
  sendmsg6: 'sendmsg_ipv6',
  recvmsg4: 'recvmsg_ipv4',
  recvmsg6: 'recvmsg_ipv6',
  getpeername4: 'getpeername_ipv4',
  getpeername6: 'getpeername_ipv6',
  sock_release: 'socket_closed',
} as const

/** Programs at interfaces, by direction. */
export const packetPrograms = { ingress: 'packets_in', egress: 'packets_out' } as const

/** The same for interfaces whose packets begin with the IP header: tunnels, PPP. */
export const barePacketPrograms = { ingress: 'bare_packets_in', egress: 'bare_packets_out' } as const

/** The same for ports of bridges: the bridge itself has those of packetPrograms. */
export const switchedPacketPrograms = { ingress: 'switched_packets_in' } as const

/** Every program of native/bpf/portolan.bpf.c. */
export const allPrograms: readonly string[] = [
  socketPrograms,
  packetPrograms,
  barePacketPrograms,
  switchedPacketPrograms,
].flatMap((some) => Object.values(some))

/**
 * How long a connection is remembered without a packet in either direction, in seconds, by its state's number: what
 * native/bpf/timeouts.h has. A flow's other direction has the key { source: destination, destination: source } of its
 * value, ports alike; both are kept as long as one of them is young enough.
 */
export const flowTimeouts = [30, 30, 120, 120, 60, 86_400, 3600, 3600, 120, 10] as const

/**
 * The iterator of native/bpf/close.bpf.c, which closes UDP sockets of the network namespace that it runs in: those that
 * were led to an endpoint of a service that is in the map `removed` (key removed_key, value one byte). The map `peers` is
 * the one that the other programs fill.
 */
export const closingProgram = 'close_udp'
export const closingMaps = ['peers', 'removed'] as const
