import { type Endpoint, endpointKey } from '@portolan/core'
import { type Destination, destinationKey } from './element.ts'

/** What IPVS knows a virtual server by: a destination, or the mark that a packet has. */
export type ServerPlace = Destination | { readonly fwmark: number }

declare const serverKeyBrand: unique symbol
/** Names a virtual server within a family. */
export type ServerKey = string & { readonly [serverKeyBrand]: true }

export function serverKey(place: ServerPlace): ServerKey {
  return ('fwmark' in place ? `fwmark|${place.fwmark}` : destinationKey(place)) as string as ServerKey
}

/** What a virtual server is, without its destinations. */
export interface ServerTerms {
  readonly scheduler: string
  /** IP_VS_SVC_F_* of linux/ip_vs.h. */
  readonly flags: number
  /** Of persistence; meaningless without its flag. */
  readonly timeoutSeconds: number
}

/** A virtual server with its destinations ("real servers"). */
export interface VirtualServer {
  readonly place: ServerPlace
  readonly terms: ServerTerms
  /** With weight 1. */
  readonly endpoints: readonly Endpoint[]
  /** With weight 0: they take no new connection, and go when the last old one has ended. */
  readonly draining: readonly Endpoint[]
  /** Only of a server that was read back: destinations with a weight that we don't give. */
  readonly misweighed?: readonly Endpoint[]
}

/** A destination of a virtual server, with its connections. */
export interface ObservedDestination {
  readonly endpoint: Endpoint
  readonly weight: number
  /** Established ones. */
  readonly active: number
  /** Others: those that begin, those that were closed less than two minutes ago, those of UDP. */
  readonly inactive: number
}

/** A virtual server as the kernel has it now. */
export interface ObservedServer {
  readonly terms: ServerTerms
  readonly destinations: readonly ObservedDestination[]
}

export function sameTerms(a: ServerTerms, b: ServerTerms): boolean {
  return a.scheduler === b.scheduler && a.flags === b.flags && a.timeoutSeconds === b.timeoutSeconds
}

/** All destinations, whatever their weight. */
export function destinationsOf(server: VirtualServer | undefined): Map<string, Endpoint> {
  const all = new Map<string, Endpoint>()
  for (const list of [server?.endpoints, server?.draining, server?.misweighed])
    for (const endpoint of list ?? []) all.set(endpointKey(endpoint), endpoint)
  return all
}
