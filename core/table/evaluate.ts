import type { Address } from './address.ts'
import type { Endpoint, Frontend, Protocol, ServiceRoute, SourceClass } from './service-route.ts'

/** The first packet of a connection. */
export interface Packet {
  readonly protocol: Protocol
  readonly source: Address
  /** Told by the caller when it knows; else from the source address and the table (see `classifySource`). */
  readonly sourceClass?: SourceClass
  /** The interface it came in by; absent for a packet that this node made. */
  readonly inputInterface?: string
  readonly destination: Address
  readonly port: number
}

/** What must happen to a packet: the reference that dataplanes are compared with. */
export type Evaluation =
  | {
      readonly verdict: 'balance'
      readonly endpoints: readonly Endpoint[]
      readonly over: 'cluster' | 'local'
      /** Whether the endpoint sees the node's address. Hairpin is on top: an endpoint that reaches itself always is. */
      readonly masquerade: boolean
      readonly packet: Packet
      readonly sourceClass: SourceClass
      readonly route: ServiceRoute
      readonly frontend: Frontend
    }
  | {
      readonly verdict: 'reject' | 'drop'
      /** `verdict`: the frontend says so; `allowedSources`: the client is in none of its ranges. */
      readonly because: 'verdict' | 'allowedSources'
      readonly packet: Packet
      readonly sourceClass: SourceClass
      readonly route: ServiceRoute
      readonly frontend: Frontend
    }
  | {
      readonly verdict: 'reject' | 'drop'
      /** `otherPort`: an active ClusterIP without such a port; `unallocated`: no Service has this ClusterIP. */
      readonly because: 'otherPort' | 'unallocated'
      readonly packet: Packet
      readonly sourceClass: SourceClass
    }
  | { readonly verdict: 'none'; readonly packet: Packet; readonly sourceClass: SourceClass }
