import type { Address, Cidr, CompiledProgram, RouteKey, RoutingTable, ServiceRoute } from '@portolan/core'
import type { RouteNumbers } from '../layout/numbers.ts'

/** One route's change, in terms of the table; numbers are given when it is applied. */
export interface RouteStep {
  readonly key: RouteKey
  readonly before?: ServiceRoute
  readonly after?: ServiceRoute
}

/** A table's set whose members are keys of the frontends map. */
export type AddressSet = 'clusterIP' | 'nodePortAddress' | 'localAddress'

export interface AddressStep {
  readonly set: AddressSet
  readonly address: Address
  readonly present: boolean
}

export interface RangeStep {
  readonly cidr: Cidr
  readonly present: boolean
}

/** An element of a map as it is, for what belongs to no route: left-overs and damage. */
export interface ElementStep {
  readonly map: 'frontends' | 'ranges' | 'members' | 'devices' | 'namespaces' | 'node_settings'
  readonly key: Buffer
  /** Absent: delete it. */
  readonly value?: Buffer
}

/** What the kernel was found to hold by, before the steps: replaces the numbers that were known. */
export type Adoption = ReadonlyMap<RouteKey, RouteNumbers>

/** From one state of a family's elements to another. */
export interface EbpfProgram extends CompiledProgram {
  /** The whole table after it. */
  readonly table: RoutingTable
  readonly routes: readonly RouteStep[]
  readonly addresses: readonly AddressStep[]
  /** Of the ClusterIP ranges. */
  readonly ranges: readonly RangeStep[]
  readonly elements: readonly ElementStep[]
  /** Hooks and pins that are missing or hold another program: all of them are put right. */
  readonly attach: readonly string[]
  /** Absent: the numbers that earlier programs settled hold. */
  readonly adopt?: Adoption
  /** With `adopt`: numbers that the other family was found to have. */
  readonly others?: readonly RouteNumbers[]
  /** With `adopt`: numbers of the family's that no route has. */
  readonly leaving?: readonly RouteNumbers[]
}

/** How many things a program changes: 0 means nothing to do. */
export function countOperations({
  routes,
  addresses,
  ranges,
  elements,
  attach,
}: Pick<EbpfProgram, 'routes' | 'addresses' | 'ranges' | 'elements' | 'attach'>): number {
  let count = addresses.length + ranges.length + elements.length + attach.length
  for (const { before, after } of routes) {
    count += 1 + Math.max(before?.frontends.length ?? 0, after?.frontends.length ?? 0)
    if (after !== undefined) count += after.endpoints.cluster.length + after.endpoints.local.length
  }
  return count
}

/** Why a route can't be served at all; `undefined`: it can. */
export function unsupported(route: ServiceRoute | undefined): string | undefined {
  return route?.protocol === 'SCTP'
    ? 'the eBPF dataplane has no SCTP; use --dataplane nftables for it'
    : undefined
}
