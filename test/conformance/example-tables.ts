import {
  type Address,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  emptyTable,
  type Frontend,
  type FrontendKey,
  frontendKey,
  type IpFamily,
  type PodSource,
  type RouteKey,
  type RoutingTable,
  type ServiceRoute,
  type Verdicts,
} from '@portolan/core'

/** Small tables for the tests of dataplanes' compilers, written as the core would build them. */

const balance = (over: EndpointScope, masquerade = false) => ({ do: 'balance', over, masquerade }) as const

/** ClusterIP, with a detector of local pods. */
export const internal: Verdicts = {
  pod: balance('cluster'),
  node: balance('cluster', true),
  outside: balance('cluster', true),
}
/** External addresses with externalTrafficPolicy Cluster. */
export const external: Verdicts = {
  pod: balance('cluster', true),
  node: balance('cluster', true),
  outside: balance('cluster', true),
}
/** External addresses with externalTrafficPolicy Local. */
export const externalLocal: Verdicts = {
  pod: balance('cluster'),
  node: balance('cluster', true),
  outside: balance('local'),
}
/** The same without an endpoint on this node. */
export const externalLocalElsewhere: Verdicts = { ...externalLocal, outside: { do: 'drop' } }
export const rejected: Verdicts = { pod: { do: 'reject' }, node: { do: 'reject' }, outside: { do: 'reject' } }
export const dropped: Verdicts = { pod: { do: 'drop' }, node: { do: 'drop' }, outside: { do: 'drop' } }

export function endpoint(address: string, local = false): Endpoint {
  return { address: address as Address, port: 8080, local }
}

export function frontend(
  kind: Frontend['kind'],
  address: string | undefined,
  port: number,
  verdicts: Verdicts,
  allowedSources?: readonly string[],
): Frontend {
  return {
    kind,
    port,
    verdicts,
    ...(address === undefined ? {} : { address: address as Address }),
    ...(allowedSources === undefined ? {} : { allowedSources: allowedSources as readonly Cidr[] }),
  }
}

export function route(
  name: string,
  cluster: readonly Endpoint[],
  frontends: readonly Frontend[],
  more: Partial<Pick<ServiceRoute, 'affinitySeconds' | 'protocol' | 'family'>> = {},
): ServiceRoute {
  const protocol = more.protocol ?? 'TCP'
  return {
    key: `${name}/${protocol}` as RouteKey,
    name,
    family: 'IPv4',
    endpoints: { cluster, local: cluster.filter(({ local }) => local) },
    frontends,
    ...more,
    protocol,
  }
}

type Sets = Partial<
  Record<'clusterIPs' | 'nodePortAddresses' | 'hairpinAddresses' | 'serviceCidrs', readonly string[]>
>

export function table(
  routes: readonly ServiceRoute[],
  sets: Sets = {},
  family: IpFamily = 'IPv4',
  podSource: PodSource = { by: 'cidr', cidr: (family === 'IPv4' ? '10.1.0.0/16' : 'fd00:10:1::/48') as Cidr },
): RoutingTable {
  const frontends = new Map<FrontendKey, RouteKey>()
  for (const { key, protocol, frontends: list } of routes)
    for (const { address, port } of list) frontends.set(frontendKey(address, protocol, port), key)
  return {
    ...emptyTable(family, podSource),
    routes: new Map(routes.map((some) => [some.key, some])),
    frontends,
    clusterIPs: new Set(sets.clusterIPs as Address[] | undefined),
    nodePortAddresses: new Set(sets.nodePortAddresses as Address[] | undefined),
    hairpinAddresses: new Set(sets.hairpinAddresses as Address[] | undefined),
    serviceCidrs: new Set(sets.serviceCidrs as Cidr[] | undefined),
  }
}

export const web = [endpoint('10.1.0.2', true), endpoint('10.1.1.2'), endpoint('10.1.1.3')]

/** Every kind of frontend, a source filter, affinity, all protocols, a Service that refuses and one that drops. */
export function everything(): RoutingTable {
  return table(
    [
      route('shop/web:http', web, [
        frontend('ClusterIP', '10.96.0.10', 80, internal),
        frontend('LoadBalancer', '203.0.113.10', 80, externalLocal, ['192.168.0.0/16', '198.51.100.7/32']),
        frontend('NodePort', undefined, 30080, externalLocal),
      ]),
      route('shop/cart:http', web, [frontend('ClusterIP', '10.96.0.30', 80, internal)], {
        affinitySeconds: 10800,
      }),
      route('shop/dns:dns', web, [frontend('ClusterIP', '10.96.0.53', 53, internal)], { protocol: 'UDP' }),
      route('shop/sctp', web, [frontend('ClusterIP', '10.96.0.54', 7, external)], { protocol: 'SCTP' }),
      route('shop/search:http', [], [frontend('ClusterIP', '10.96.0.40', 80, rejected)]),
      route('shop/far:http', web.slice(1), [frontend('ClusterIP', '10.96.0.41', 80, dropped)]),
    ],
    {
      clusterIPs: ['10.96.0.10', '10.96.0.30', '10.96.0.53', '10.96.0.54', '10.96.0.40', '10.96.0.41'],
      nodePortAddresses: ['172.20.0.2'],
      hairpinAddresses: ['10.1.0.2'],
      serviceCidrs: ['10.96.0.0/16', '10.97.0.0/16', '224.0.0.0/3'],
    },
  )
}

export function everythingIpv6(): RoutingTable {
  const endpoints = [endpoint('fd00:10:1::2', true), endpoint('fd00:10:1:1::2')]
  const six = { family: 'IPv6' } as const
  return table(
    [
      route(
        'shop/web:http',
        endpoints,
        [
          frontend('ClusterIP', 'fd00:96::10', 80, internal),
          frontend('LoadBalancer', '2001:db8::10', 80, externalLocal, ['2001:db8:1::/48', '::1/128']),
          frontend('NodePort', undefined, 30080, externalLocal),
        ],
        { ...six, affinitySeconds: 60 },
      ),
      route('shop/dns:dns', endpoints, [frontend('ClusterIP', 'fd00:96::53', 53, internal)], {
        ...six,
        protocol: 'UDP',
      }),
    ],
    {
      clusterIPs: ['fd00:96::10', 'fd00:96::53'],
      nodePortAddresses: ['fd00:172:20::2'],
      hairpinAddresses: ['fd00:10:1::2'],
      serviceCidrs: ['fd00:96::/112', 'ff00::/8'],
    },
    'IPv6',
  )
}
