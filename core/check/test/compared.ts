import type { ClusterRecord, NodeRecord } from '../../cluster/records.ts'
import type { Flags } from '../../config/config-flags.ts'
import type { ProxyConfig } from '../../config/proxy-config.ts'
import { resolveConfig, type Section } from '../../config/resolve-config.ts'
import type { Capabilities } from '../../dataplane/capabilities.ts'
import { address } from '../../table/builder/test/example-records.ts'
import { sampleNode } from '../sample-node.ts'
import { servedByDataplane, servedByKubeProxy } from '../served-table.ts'
import type { Comparison } from '../service-differences.ts'

/** For tests: what a command line comes to. */
export function settings(flags: Flags): ProxyConfig {
  return resolveConfig({ clusterCidr: '10.244.0.0/16', ...flags }, { inCluster: true }).config
}

export const exampleNode: NodeRecord = {
  kind: 'Node',
  key: 'node-a',
  zone: '',
  addresses: [address('192.168.50.11'), address('fd00:192:168:50::11')],
  podCidrs: [],
}

/** A dataplane without a gap, but for what is said. */
export function capable(overrides: Partial<Capabilities> = {}): Capabilities {
  return { families: ['IPv4', 'IPv6'], protocols: ['TCP', 'UDP', 'SCTP'], gaps: {}, ...overrides }
}

export interface Compared {
  readonly records: readonly ClusterRecord[]
  readonly mode: Section
  readonly today: ProxyConfig
  readonly later: ProxyConfig
  readonly capabilities: Capabilities
  /** Default: {@link exampleNode}. */
  readonly node?: NodeRecord
}

export function compared({
  records,
  mode,
  today,
  later,
  capabilities,
  node = exampleNode,
}: Compared): Comparison {
  const sample = sampleNode(node, [today.nodePortAddresses, later.nodePortAddresses])
  const cluster = { records, node: sample }
  return {
    before: servedByKubeProxy(cluster, today, mode),
    after: servedByDataplane(cluster, later, capabilities),
    node: sample,
    dataplane: later.dataplane,
  }
}
