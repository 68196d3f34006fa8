import type { Address } from '../../network/address.ts'
import type { Frontend, RouteKey, ServiceRoute } from '../service-route.ts'
import type { TouchedSets } from '../touched.ts'
import { type FlowAddress, flowAddressKey, frontendAddresses, type UdpServers } from '../udp-flows.ts'
import type { MergedEndpoint } from './slice-cache.ts'

/** The servers of the routes of UDP, and whose flows have to be looked at when they change. */
export class UdpServerSet {
  readonly #servers = new Map<RouteKey, readonly FlowAddress[]>()
  readonly #nodePortAddresses: ReadonlySet<Address>

  constructor(nodePortAddresses: ReadonlySet<Address>) {
    this.#nodePortAddresses = nodePortAddresses
  }

  get servers(): UdpServers {
    return this.#servers
  }

  /** Takes a route as it was and is, with all endpoints of its port. */
  place(
    before: ServiceRoute | undefined,
    after: ServiceRoute,
    endpoints: readonly MergedEndpoint[],
    { flows }: TouchedSets,
  ): void {
    const old = this.#servers.get(after.key)
    const servers = endpoints
      // One that is announced before it is ready (publishNotReadyAddresses) is in use without serving.
      .filter(({ endpoint }) => endpoint.serving || endpoint.ready)
      .map(({ endpoint: { address }, port }): FlowAddress => ({ address, port }))
    const keys = new Set(servers.map(flowAddressKey))
    const gone = old?.filter((server) => !keys.has(flowAddressKey(server))) ?? []
    for (const server of gone) flows.answeredBy.set(flowAddressKey(server), server)
    if (old === undefined || old.length !== servers.length || gone.length > 0)
      this.#servers.set(after.key, servers)
    // While it had no servers its flows weren't translated, as were those from before it was a destination.
    const known = old === undefined || old.length === 0 ? noFrontends : (before?.frontends ?? noFrontends)
    if (known === after.frontends) return
    const knownKeys = new Set([...this.#addressesOf(known)].map(flowAddressKey))
    for (const one of this.#addressesOf(after.frontends)) {
      const key = flowAddressKey(one)
      if (!knownKeys.has(key)) flows.sentTo.set(key, one)
    }
  }

  remove(route: RouteKey): void {
    this.#servers.delete(route)
  }

  /** The node has other addresses for NodePorts. */
  moved(
    added: readonly Address[],
    routes: ReadonlyMap<RouteKey, ServiceRoute>,
    { flows }: TouchedSets,
  ): void {
    for (const route of this.#servers.keys())
      for (const { address, port } of routes.get(route)?.frontends ?? noFrontends)
        if (address === undefined)
          for (const one of added)
            flows.sentTo.set(flowAddressKey({ address: one, port }), { address: one, port })
  }

  #addressesOf(frontends: readonly Frontend[]): Generator<FlowAddress> {
    return frontendAddresses(frontends, this.#nodePortAddresses)
  }
}

const noFrontends: readonly Frontend[] = []
