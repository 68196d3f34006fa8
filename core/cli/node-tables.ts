import { hostname, networkInterfaces } from 'node:os'
import { ProblemLog } from '../cluster/problem-log.ts'
import type { ClusterRecord, NodeRecord } from '../cluster/records.ts'
import { nodeName } from '../config/node-name.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Capabilities } from '../dataplane/contract.ts'
import type { Address, IpFamily } from '../network/address.ts'
import { localAddresses } from '../network/local-addresses.ts'
import { ClusterState } from '../proxy/cluster-state.ts'
import { tableBuilders } from '../proxy/table-builders.ts'
import type { TableBuilder } from '../table/builder/table-builder.ts'
import type { ClusterView } from '../table/explain/absent-endpoints.ts'
import { chooseNode } from './choose-node.ts'
import { describeProblem } from './describe-problem.ts'
import { problemSummary } from './problem-summary.ts'
import { readCluster } from './read-cluster.ts'

/** One node's tables at one moment. */
export interface NodeTables {
  readonly nodeName: string
  /** Absent: the source has no Node object of this name. */
  readonly node: NodeRecord | undefined
  /** Drained: their tables are up to date. */
  readonly builders: readonly TableBuilder[]
  /** What else the source has, for reasons beyond the tables. */
  readonly cluster: ClusterView
  /** Where it was read from. */
  readonly description: string
}

export interface NodeTablesOptions {
  readonly config: ProxyConfig
  readonly families: readonly IpFamily[]
  /** Of the dataplane that the tables are for; awaited while the source is being read. */
  readonly capabilities: Capabilities | Promise<Capabilities>
  /** Whose addresses count as this node's: those of its Node object, or of this machine's interfaces. */
  readonly addresses: 'node' | 'machine'
  /** Takes lines for the operator. */
  readonly say: (line: string) => void
}

/** Reads the source once and builds this node's tables from it, as `run` would have them. */
export async function readNodeTables(options: NodeTablesOptions): Promise<NodeTables> {
  const { config, families, addresses, say } = options
  const own = nodeName(config.nodeName, hostname())
  const reading = await readCluster(config.source, own, say)
  const { records, problems, unserved, description } = reading
  const nodes = records.filter((record) => record.kind === 'Node')
  const chosen =
    config.source.from === 'file' || config.source.from === 'recording'
      ? chooseNode(
          config.nodeName,
          nodes.map(({ key }) => key),
          hostname(),
        )
      : own
  const node = nodes.find(({ key }) => key === chosen)
  if (node === undefined) {
    say(`no Node object '${chosen}' in ${description}: no endpoint is local${whereNodePortsAnswer(options)}`)
  }
  const log = new ProblemLog((problem) => say(describeProblem(problem)))
  const builders = tableBuilders({
    config,
    nodeName: chosen,
    families,
    podCidrs: node?.podCidrs ?? [],
    capabilities: await options.capabilities,
    problems: log,
  })
  const state = new ClusterState({ builders, problems: log })
  for (const problem of problems) log.report(problem)
  for (const kind of reading.unreadable) state.readable(kind, false)
  // In one order, so that the same cluster is the same plan wherever it was read.
  for (const record of records.toSorted(byKey)) state.set(record, 0)
  const locals = addresses === 'machine' ? localAddresses(networkInterfaces()) : toldAddresses(config, node)
  for (const builder of builders) {
    builder.setLocalAddresses(locals)
    builder.drain()
  }
  const summary = problemSummary(log.counts)
  if (summary !== undefined) say(`${summary}; what they concern is left out, as said above`)
  const cluster: ClusterView = {
    services: new Set(records.flatMap(({ kind, key }) => (kind === 'Service' ? [key] : []))),
    slices: records.filter((record) => record.kind === 'EndpointSlice'),
    unserved,
  }
  return { nodeName: chosen, node, cluster, description, builders }
}

function byKey(one: ClusterRecord, other: ClusterRecord): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0
}

/** What a missing Node object means for NodePorts, where their addresses follow from it. */
function whereNodePortsAnswer({ config, addresses }: NodeTablesOptions): string {
  if (!config.nodePortAddresses.includes('primary') || config.bindAddress !== undefined) return ''
  return addresses === 'machine'
    ? ', and NodePorts answer only where this kernel has them'
    : ', and NodePorts answer nowhere'
}

function toldAddresses({ bindAddress }: ProxyConfig, node: NodeRecord | undefined): ReadonlySet<Address> {
  return new Set([...(bindAddress === undefined ? [] : [bindAddress]), ...(node?.addresses ?? [])])
}
