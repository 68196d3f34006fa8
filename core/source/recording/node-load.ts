import type { ClusterRecord } from '../../cluster/records.ts'

/** How many endpoints a node has. */
export interface NodeLoad {
  readonly node: string
  readonly endpoints: number
}

/** All nodes of a cluster, also those without endpoints and those that only endpoints name; the fullest one first. */
export function nodeLoads(records: Iterable<ClusterRecord>): readonly NodeLoad[] {
  const counts = new Map<string, number>()
  const add = (node: string, endpoints: number) => counts.set(node, (counts.get(node) ?? 0) + endpoints)
  for (const record of records) {
    if (record.kind === 'Node') add(record.key, 0)
    if (record.kind !== 'EndpointSlice') continue
    for (const { nodeName } of record.endpoints) if (nodeName !== '') add(nodeName, 1)
  }
  return [...counts]
    .map(([node, endpoints]) => ({ node, endpoints }))
    .sort((a, b) => b.endpoints - a.endpoints || (a.node < b.node ? -1 : 1))
}

/**
 * The node that is meant: `most`, the one with the most endpoints; `median`, the one in the middle of those that have
 * any; or a name. `undefined` where there is none such.
 */
export function chooseNodeLoad(loads: readonly NodeLoad[], which: string): NodeLoad | undefined {
  if (which === 'most') return loads[0]
  if (which !== 'median') return loads.find(({ node }) => node === which)
  const used = loads.filter(({ endpoints }) => endpoints > 0)
  return used[Math.floor(used.length / 2)] ?? loads[0]
}
