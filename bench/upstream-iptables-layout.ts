import { createHash } from 'node:crypto'
import type { Endpoint, RoutingTable, ServiceRoute } from '@portolan/core'

/**
 * The same table in the chain layout of kube-proxy's iptables mode, as lines for `iptables-restore --noflush`, in our
 * words: one chain with a rule for every Service, a chain for each Service with a rule for each endpoint, and a chain
 * for each endpoint. As in its mode for large clusters, only the rules of the one chain have comments. ClusterIPs
 * alone, which is what the benchmark's table has; the baseline that bench/iptables.ts compares with.
 */
export function upstreamLayout(table: RoutingTable, masqueradeBit: number): string[] {
  const mark = `0x${(2 ** masqueradeBit).toString(16)}`
  const chains = ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ']
  const rules = [
    `-A KUBE-MARK-MASQ -j MARK --or-mark ${mark}`,
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark}/${mark} -j RETURN`,
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${mark}`,
    `-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully`,
    '-I PREROUTING 1 -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-I OUTPUT 1 -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-I POSTROUTING 1 -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
  ]
  for (const route of table.routes.values()) {
    chains.push(serviceChain(route), ...route.endpoints.cluster.map((one) => endpointChain(route, one)))
    rules.push(...serviceRules(route, table))
  }
  return ['*nat', ...chains.map((chain) => `:${chain} - [0:0]`), ...rules, 'COMMIT']
}

/** What is sent for a change of some of a Service's endpoints: all of KUBE-SERVICES, and the Service's own chains. */
export function upstreamChange(table: RoutingTable, before: ServiceRoute, after: ServiceRoute): string[] {
  const left = new Set(before.endpoints.cluster.map((one) => endpointChain(before, one)))
  for (const one of after.endpoints.cluster) left.delete(endpointChain(after, one))
  const chains = [
    'KUBE-SERVICES',
    serviceChain(after),
    ...after.endpoints.cluster.map((one) => endpointChain(after, one)),
    ...left,
  ]
  const portals = [...table.routes.values()].flatMap(portalRules)
  const own = serviceRules(after, table).slice(portalRules(after).length)
  const deleted = [...left].map((chain) => `-X ${chain}`)
  return ['*nat', ...chains.map((chain) => `:${chain} - [0:0]`), ...portals, ...own, ...deleted, 'COMMIT']
}

function serviceRules(route: ServiceRoute, { podSource }: RoutingTable): string[] {
  const chain = serviceChain(route)
  const protocol = route.protocol.toLowerCase()
  const endpoints = route.endpoints.cluster
  const offCluster = podSource.by === 'cidr' ? `! -s ${podSource.cidr} ` : ''
  const marks = route.frontends.map(
    ({ address, port }) =>
      `-A ${chain} ${offCluster}-d ${address} -m ${protocol} -p ${protocol} --dport ${port} -j KUBE-MARK-MASQ`,
  )
  return [
    ...portalRules(route),
    ...marks,
    ...endpoints.map((endpoint, index) => {
      const left = endpoints.length - index
      const chance = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(10)} ` : ''
      return `-A ${chain} ${chance}-j ${endpointChain(route, endpoint)}`
    }),
    ...endpoints.flatMap((endpoint) => [
      `-A ${endpointChain(route, endpoint)} -s ${endpoint.address} -j KUBE-MARK-MASQ`,
      `-A ${endpointChain(route, endpoint)} -m ${protocol} -p ${protocol} -j DNAT --to-destination ${endpoint.address}:${endpoint.port}`,
    ]),
  ]
}

function portalRules(route: ServiceRoute): string[] {
  const protocol = route.protocol.toLowerCase()
  return route.frontends.map(
    ({ address, port }) =>
      `-A KUBE-SERVICES -m comment --comment "${route.name} cluster IP" -m ${protocol} -p ${protocol} -d ${address} --dport ${port} -j ${serviceChain(route)}`,
  )
}

const serviceChain = (route: ServiceRoute): string => `KUBE-SVC-${hash(route.key)}`
const endpointChain = (route: ServiceRoute, { address, port }: Endpoint): string =>
  `KUBE-SEP-${hash(`${route.key}|${address}:${port}`)}`

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').toUpperCase().slice(0, 16)
}
