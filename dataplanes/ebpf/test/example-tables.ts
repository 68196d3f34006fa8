import {
  type Address,
  type Cidr,
  type Endpoint,
  emptyTable,
  type Frontend,
  familyOf,
  frontendKey,
  type RouteKey,
  type RoutingTable,
  type ServiceRoute,
  type Verdict,
  type Verdicts,
} from '@portolan/core'

/** Small tables for this package's tests and its benchmark, written as the core would build them. */

const cluster = (masquerade: boolean): Verdict => ({ do: 'balance', over: 'cluster', masquerade })

/** A ClusterIP, where local pods are told from others. */
export const internal: Verdicts = { pod: cluster(false), node: cluster(true), outside: cluster(true) }

export const refused: Verdicts = anyone({ do: 'reject' })

export function endpoint(address: string, local = false, port = 8080): Endpoint {
  return { address: address as Address, port, local }
}

export function clusterIP(address: string, verdicts = internal): Frontend {
  return { kind: 'ClusterIP', address: address as Address, port: 80, verdicts }
}

/** The same for every source. */
export function anyone(verdict: Verdict): Verdicts {
  return { pod: verdict, node: verdict, outside: verdict }
}

/** A NodePort that every client may use; the endpoint sees the node instead of the client if `masquerade`. */
export function nodePort(port: number, masquerade: boolean): Frontend {
  return { kind: 'NodePort', port, verdicts: anyone(cluster(masquerade)) }
}

/** A route of the family of its first frontend's address, or of its endpoints'. */
export function route(
  name: string,
  frontends: readonly Frontend[],
  endpoints: readonly Endpoint[],
  more: Partial<ServiceRoute> = {},
): ServiceRoute {
  const protocol = more.protocol ?? 'TCP'
  return {
    key: `${name}/${protocol}` as RouteKey,
    name,
    protocol,
    family: familyOf(frontends[0]?.address ?? endpoints[0]?.address ?? ('0.0.0.0' as Address)),
    endpoints: { cluster: endpoints, local: [] },
    frontends,
    ...more,
  }
}

/** An IPv4 table of these routes, on a node whose pods are in 10.1.0.0/16. */
export function table(routes: readonly ServiceRoute[], more: Partial<RoutingTable> = {}): RoutingTable {
  return {
    ...emptyTable('IPv4', { by: 'cidr', cidr: '10.1.0.0/16' as Cidr }),
    routes: new Map(routes.map((one) => [one.key, one])),
    frontends: new Map(
      routes.flatMap((one) =>
        one.frontends.map(
          ({ address, port }) => [frontendKey(address, one.protocol, port), one.key] as const,
        ),
      ),
    ),
    ...more,
  }
}
