import { ProblemLog } from '../cluster/problem-log.ts'
import type { ClusterRecord, ObjectProblem } from '../cluster/records.ts'
import { localhostFamilies } from '../config/localhost-families.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Section } from '../config/resolve-config.ts'
import { type Capabilities, type Feature, localhostFeature } from '../dataplane/capabilities.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import { ClusterState } from '../proxy/cluster-state.ts'
import { tableBuilders } from '../proxy/table-builders.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { kubeProxyModes, kubeProxyNodePorts } from './kube-proxy-mode.ts'
import { type SampleNode, sampleNodeName } from './sample-node.ts'

/** What a proxy is asked to do in a family, and what it declares of how it does it. */
export interface ServedTable {
  readonly table: RoutingTable
  readonly capabilities: Capabilities
}

export type ServedTables = ReadonlyMap<IpFamily, ServedTable>

export interface ServedCluster {
  /** Without this node's own Node object. */
  readonly records: readonly ClusterRecord[]
  readonly node: SampleNode
}

/** What kube-proxy does with the cluster, by its settings and its mode. */
export function servedByKubeProxy(cluster: ServedCluster, config: ProxyConfig, mode: Section): ServedTables {
  const { capabilities, loopbackFamilies } = kubeProxyModes[mode]
  const settings: ProxyConfig = {
    ...config,
    dataplane: mode,
    nodePortAddresses: kubeProxyNodePorts(config, cluster.node.record?.addresses ?? []),
  }
  return serve(cluster, settings, capabilities, loopbackFamilies)
}

/**
 * What Portolan does with it, by its settings and one of its dataplanes. What the dataplane can't have answer at loopback
 * Portolan forwards itself.
 *
 * @param onProblem takes the claims that one Service loses to another
 */
export function servedByDataplane(
  cluster: ServedCluster,
  config: ProxyConfig,
  capabilities: Capabilities,
  onProblem?: (problem: ObjectProblem) => void,
): ServedTables {
  return serve(cluster, config, capabilities, localhostFamilies(config), onProblem)
}

function serve(
  { records, node }: ServedCluster,
  config: ProxyConfig,
  capabilities: Capabilities,
  loopbackFamilies: readonly IpFamily[],
  onProblem?: (problem: ObjectProblem) => void,
): ServedTables {
  const problems = new ProblemLog(onProblem)
  const builders = tableBuilders({
    config,
    nodeName: sampleNodeName,
    families: capabilities.families,
    podCidrs: node.record?.podCidrs ?? [],
    capabilities: withLoopback(capabilities, loopbackFamilies),
    problems,
  })
  const state = new ClusterState({ builders, problems })
  for (const record of records) if (record.kind !== 'Node') state.set(record, 0)
  if (node.record !== undefined) state.set(node.record, 0)
  const addresses = new Set(node.addresses.map(({ address }) => address))
  const tables = new Map<IpFamily, ServedTable>()
  for (const builder of builders) {
    builder.setLocalAddresses(addresses)
    builder.drain()
    tables.set(builder.family, { table: builder.table, capabilities })
  }
  return tables
}

/** Such that a table has loopback in just these families, whoever serves it there. */
function withLoopback(capabilities: Capabilities, families: readonly IpFamily[]): Capabilities {
  const gaps: Partial<Record<Feature, string>> = { ...capabilities.gaps }
  for (const family of ipFamilies) {
    if (families.includes(family)) delete gaps[localhostFeature[family]]
    else gaps[localhostFeature[family]] = 'none'
  }
  return { ...capabilities, gaps }
}
