import type { Capabilities, Feature, FrontendKind, IpFamily } from '@portolan/core'
import type { Protocol } from '@portolan/lab'
import type { ServiceShape } from './objects.ts'
import type { EndpointHost, Place } from './place.ts'
import type { RowClaim } from './row.ts'

/**
 * Who asks. `pod`: a local pod that is the endpoint of no Service. `endpoint`: the local pod `pod0`, which is an endpoint of
 * most cases. `remotePod`: a pod of the other node. `node`, `outside`: as in the lab.
 */
export type Client = 'pod' | 'endpoint' | 'remotePod' | 'node' | 'outside'

/** What must come of a new connection, as the claim itself says it; the reference has to agree. */
export type Expectation =
  | {
      readonly outcome: 'answered'
      /** By which endpoints: exactly these. */
      readonly by: readonly EndpointHost[]
      readonly masqueraded: boolean
    }
  | { readonly outcome: 'refused' | 'dropped' | 'untouched' }

export const answeredBy = (...by: readonly EndpointHost[]): Expectation => ({
  outcome: 'answered',
  by,
  masqueraded: false,
})
export const masqueradedTo = (...by: readonly EndpointHost[]): Expectation => ({
  outcome: 'answered',
  by,
  masqueraded: true,
})
export const refused: Expectation = { outcome: 'refused' }
export const dropped: Expectation = { outcome: 'dropped' }
/** Portolan leaves the packet alone: it goes wherever it would go without. */
export const untouched: Expectation = { outcome: 'untouched' }

/** Where to: one of the Service's frontends, or what is near it. */
export type Destination =
  | FrontendKind
  /** The NodePort at an address of the node where NodePorts aren't served. */
  | 'NodePort elsewhere'
  | 'NodePort at loopback'
  /** A port that the Service hasn't. */
  | 'ClusterIP, other port'
  | 'ExternalIP, other port'
  | 'LoadBalancer, other port'
  /** ICMP echo. */
  | 'ClusterIP, ping'
  | 'LoadBalancer, ping'
  | 'unallocated ClusterIP'
  | 'contested ExternalIP'
  /** An external IP that is an address of the node's own. */
  | 'ExternalIP of the node'

export interface MatrixRow extends RowClaim {
  readonly to: readonly Destination[]
  readonly due: Readonly<Partial<Record<Client, Expectation>>>
  /** Default both. */
  readonly families?: readonly IpFamily[]
  readonly protocols?: readonly Protocol[]
}

export interface EndpointShape {
  readonly host: EndpointHost
  readonly ready?: boolean
  readonly serving?: boolean
  readonly terminating?: boolean
  readonly zoneHints?: readonly string[]
  readonly nodeHints?: readonly string[]
  /** Its port number is the case's target port plus this, 0 to 3; default 0. */
  readonly portOffset?: number
  /** Which of the Service's slices it is in; default 0. */
  readonly slice?: number
}

/** One Service with its endpoints, and the claims about it. */
export interface MatrixCase {
  /** Overrides of the Service that every case has: all kinds of frontends, TCP and UDP, both families. */
  readonly service?: (place: Place) => Partial<ServiceShape>
  readonly endpoints: readonly EndpointShape[]
  readonly rows: readonly MatrixRow[]
}

/**
 * What has to be there for one client's answer from one destination, besides what the row is about. That a packet is left
 * alone needs nothing.
 */
export function featureOfDestination(to: Destination, due: Expectation): Feature | undefined {
  if (due.outcome === 'untouched') return undefined
  if (to.startsWith('NodePort')) return 'nodePort'
  return /^(contested )?ExternalIP|^LoadBalancer/.test(to) ? 'externalAddresses' : undefined
}

/** Whether a dataplane declares that it has no such destination. */
export function isGap(gaps: Capabilities['gaps'], to: Destination): boolean {
  const feature = featureOfDestination(to, refused)
  return feature !== undefined && gaps[feature] !== undefined
}

export const everyFrontend: readonly Destination[] = ['ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort']
export const externalFrontends: readonly Destination[] = ['ExternalIP', 'LoadBalancer', 'NodePort']

/** Endpoints in their plain state: ready. */
export const at = (...hosts: readonly EndpointHost[]): readonly EndpointShape[] =>
  hosts.map((host) => ({ host }))
