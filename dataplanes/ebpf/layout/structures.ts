/**
 * The keys and values of the maps, field by field: the one description that encoders and decoders here go by. The C
 * side is native/bpf/structures.h, and structures.test.ts compares the two.
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

/** Indexes of a frontend's verdicts. */
export const sourceClassIndex = { pod: 0, node: 1, outside: 2 } as const
