/**
 * The addresses of a lab, always the same: every lab has namespaces of its own, so labs never meet.
 * Addresses are of private or documentation ranges.
 */

export type Family = 'IPv4' | 'IPv6'

export const families: readonly Family[] = ['IPv4', 'IPv6']

/** One family's view of a lab's network. */
export interface FamilyNetwork {
  /** Pods of all nodes. */
  readonly clusterCidr: string
  /** Pods of the node; pod number i has the address `podAddress(family, i)`. */
  readonly podCidr: string
  /** What pods have as their gateway: an address of the node. */
  readonly podGateway: string
  /** Pods of the other node. All of these addresses answer, without further ado. */
  readonly remotePodCidr: string
  /** The node on its three links: the uplink first, which is its primary address. */
  readonly node: { readonly uplink: string; readonly remote: string; readonly internet: string }
  readonly outside: string
  readonly remote: string
  readonly internet: string
  /** Prefix length (bits) of the three links. */
  readonly linkPrefix: number
  /** Prefix length (bits) of one address. */
  readonly hostPrefix: number
  /** The rest of the lab, as seen from the internet: everything else there is the internet itself. */
  readonly labCidrs: readonly string[]
  readonly everything: string
}

export const network: Readonly<Record<Family, FamilyNetwork>> = {
  IPv4: {
    clusterCidr: '10.1.0.0/16',
    podCidr: '10.1.0.0/24',
    podGateway: '10.1.0.1',
    remotePodCidr: '10.1.1.0/24',
    node: { uplink: '172.20.0.2', remote: '172.21.0.1', internet: '172.22.0.1' },
    outside: '172.20.0.100',
    remote: '172.21.0.2',
    internet: '172.22.0.2',
    linkPrefix: 24,
    hostPrefix: 32,
    labCidrs: ['10.1.0.0/16', '172.20.0.0/24', '172.21.0.0/24'],
    everything: '0.0.0.0/0',
  },
  IPv6: {
    clusterCidr: 'fd00:10:1::/48',
    podCidr: 'fd00:10:1::/64',
    podGateway: 'fd00:10:1::1',
    remotePodCidr: 'fd00:10:1:1::/64',
    node: { uplink: 'fd00:172:20::2', remote: 'fd00:172:21::1', internet: 'fd00:172:22::1' },
    outside: 'fd00:172:20::100',
    remote: 'fd00:172:21::2',
    internet: 'fd00:172:22::2',
    linkPrefix: 64,
    hostPrefix: 128,
    labCidrs: ['fd00:10:1::/48', 'fd00:172:20::/64', 'fd00:172:21::/64'],
    everything: '::/0',
  },
}

/** The address of local pod number 0, 1, ... */
export function podAddress(family: Family, index: number): string {
  return family === 'IPv4' ? `10.1.0.${index + 2}` : `fd00:10:1::${(index + 2).toString(16)}`
}

/** The address of pod number 0 to 252 of the other node. */
export function remotePodAddress(family: Family, index: number): string {
  return family === 'IPv4' ? `10.1.1.${index + 2}` : `fd00:10:1:1::${(index + 2).toString(16)}`
}
