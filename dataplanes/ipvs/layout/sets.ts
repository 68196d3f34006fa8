import type { IpFamily, SourceClass } from '@portolan/core'

/**
 * What this dataplane has in the kernel besides virtual servers: ipsets, which hold all that changes, and a fixed number
 * of iptables rules over them (iptables-rules.ts), so that no Service has a rule of its own. docs/ipvs-layout.md draws it.
 *
 * IPVS translates what arrives as local. Instead of a device with every virtual IP on it, a packet to a destination in
 * `SERVED` gets a mark by which a routing rule calls it local. So only the ports of Services are taken: the host's
 * daemons are not exposed at virtual IPs, the node answers ARP for none of them, and there are no addresses to add and remove.
 */

/** What an element of a set is. `destination` is address, protocol and port; see element.ts. */
export type ElementKind =
  | 'destination'
  | 'destination-mark'
  | 'destination-source'
  | 'address'
  | 'cidr'
  | 'loop'

export interface SetDeclaration {
  /** Without the prefix that says whose and of which family it is. */
  readonly name: SetName
  readonly kind: ElementKind
}

/** Sets by destination: what is in them follows from the destination's frontend alone. */
export const destinationSets = [
  'SERVED',
  'REFUSED',
  'DROP-POD',
  'DROP-NODE',
  'DROP-OUTSIDE',
  'MASQ-POD',
  'MASQ-OUTSIDE',
  'RESTRICTED',
  'HANDED-OVER',
] as const

export type DestinationSet = (typeof destinationSets)[number]

/** From a destination to the mark of the virtual server that a class of sources gets instead of the usual one. */
export const markSets = ['MARK-POD', 'MARK-NODE'] as const

export type MarkSet = (typeof markSets)[number]

export type SetName = DestinationSet | MarkSet | 'SOURCES' | 'CLUSTER-IPS' | 'SERVICE-CIDRS' | 'HAIRPIN'

export const sets: readonly SetDeclaration[] = [
  // Destinations whose new connections are led to IPVS.
  { name: 'SERVED', kind: 'destination' },
  // Destinations without endpoints.
  { name: 'REFUSED', kind: 'destination' },
  // No endpoint that pods may use.
  { name: 'DROP-POD', kind: 'destination' },
  // No endpoint that the node may use.
  { name: 'DROP-NODE', kind: 'destination' },
  // No endpoint that others may use.
  { name: 'DROP-OUTSIDE', kind: 'destination' },
  // Masqueraded for pods.
  { name: 'MASQ-POD', kind: 'destination' },
  // Masqueraded for others.
  { name: 'MASQ-OUTSIDE', kind: 'destination' },
  // Open to SOURCES only.
  { name: 'RESTRICTED', kind: 'destination' },
  // Served by another dataplane, to which this one gives way (handover-rules.ts); else empty.
  { name: 'HANDED-OVER', kind: 'destination' },
  // Destination and client range (loadBalancerSourceRanges).
  { name: 'SOURCES', kind: 'destination-source' },
  // Pods get the virtual server of this mark.
  { name: 'MARK-POD', kind: 'destination-mark' },
  // The node gets the virtual server of this mark.
  { name: 'MARK-NODE', kind: 'destination-mark' },
  // ClusterIPs of existing Services.
  { name: 'CLUSTER-IPS', kind: 'address' },
  // Ranges that ClusterIPs are given from.
  { name: 'SERVICE-CIDRS', kind: 'cidr' },
  // A local endpoint to itself.
  { name: 'HAIRPIN', kind: 'loop' },
]

const declarations: ReadonlyMap<SetName, SetDeclaration> = new Map(sets.map((set) => [set.name, set]))

export function declarationOf(name: SetName): SetDeclaration {
  const found = declarations.get(name)
  if (found === undefined) throw new RangeError(`no set is called ${name}`)
  return found
}

/** What begins the names of chains and of sets: the iptables dataplane has no name that begins so. */
export const namePrefix = 'PORTOLAN-IPVS-'

/** The name in the kernel, where all families share one space of names; at most 31 characters (IPSET_MAXNAMELEN). */
export function kernelName(family: IpFamily, name: SetName): string {
  return `${namePrefix}${family === 'IPv4' ? '' : '6-'}${name}`
}

/** Whether an iptables chain is this dataplane's, by its name. */
export function isOurChain(name: string): boolean {
  return name.startsWith(namePrefix)
}

/** The ipset type of each kind of element. */
export const setTypes: Readonly<Record<ElementKind, string>> = {
  destination: 'hash:ip,port',
  'destination-mark': 'hash:ip,port',
  'destination-source': 'hash:ip,port,net',
  address: 'hash:ip',
  cidr: 'hash:net',
  loop: 'hash:net,net',
}

/** More than any node has; the kernel takes memory for what there is only. */
export const maxElements = 4_194_304

export const dropSets: Readonly<Record<SourceClass, DestinationSet>> = {
  pod: 'DROP-POD',
  node: 'DROP-NODE',
  outside: 'DROP-OUTSIDE',
}
