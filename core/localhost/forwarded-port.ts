import type { Address } from '../network/address.ts'
import type { RouteKey, ServiceRoute } from '../table/service-route.ts'
import type { RouteChange } from '../table/table-change.ts'

/** A NodePort that is forwarded at loopback. Plain data, which goes to another thread. */
export interface ForwardedPort {
  readonly port: number
  readonly route: RouteKey
  /** `namespace/name:portName`, for people. */
  readonly name: string
  /** At least one. */
  readonly endpoints: readonly { readonly address: Address; readonly port: number }[]
  /** Session affinity: seconds since the last new connection. Absent: none. */
  readonly affinitySeconds?: number
}

/** What a change of routes asks of the forwarder of one family. `removed` comes first: a port may go to another route. */
export interface ForwardingChange {
  readonly removed: readonly Pick<ForwardedPort, 'port' | 'route'>[]
  readonly set: readonly ForwardedPort[]
}

/**
 * What becomes of a route's NodePort at loopback (KEP-6032): TCP alone is forwarded, to the endpoints that a client
 * outside of the node would get, so that `externalTrafficPolicy: Local` means those of this node; where there is none,
 * nobody listens and connections are refused.
 */
export function forwardedPort(route: ServiceRoute): ForwardedPort | undefined {
  if (route.protocol !== 'TCP') return undefined
  const frontend = route.frontends.find(({ kind }) => kind === 'NodePort')
  const verdict = frontend?.verdicts.outside
  if (frontend === undefined || verdict?.do !== 'balance') return undefined
  const { key, name, affinitySeconds } = route
  return {
    port: frontend.port,
    route: key,
    name,
    endpoints: route.endpoints[verdict.over].map(({ address, port }) => ({ address, port })),
    ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
  }
}

/** Of the routes that changed, what the forwarder has to know; `undefined`: nothing. */
export function forwardingChange(routes: readonly RouteChange[]): ForwardingChange | undefined {
  const removed: Pick<ForwardedPort, 'port' | 'route'>[] = []
  const set: ForwardedPort[] = []
  for (const { before, after } of routes) {
    const old = before === undefined ? undefined : forwardedPort(before)
    const now = after === undefined ? undefined : forwardedPort(after)
    if (old !== undefined && old.port !== now?.port) removed.push({ port: old.port, route: old.route })
    if (now !== undefined) set.push(now)
  }
  return removed.length + set.length === 0 ? undefined : { removed, set }
}
