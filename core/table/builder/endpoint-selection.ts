import type { MergedEndpoint } from './slice-cache.ts'

/** What of this node decides which endpoints it uses. */
export interface NodeTopology {
  /** Empty: nothing is local. */
  readonly nodeName: string
  /** Empty: no zone hints. */
  readonly zone: string
}

/** How topology narrowed the cluster set. */
export type TopologyMode = 'node' | 'zone' | 'none'

/** The endpoints of one service port that this node may use (SEMANTICS 4). */
export interface EndpointSelection {
  /** Ready ones that topology allows; without a ready one anywhere, those that still serve while they terminate. */
  readonly cluster: readonly MergedEndpoint[]
  /** The same of this node's own, decided on its own; topology has no say. */
  readonly local: readonly MergedEndpoint[]
  readonly topology: TopologyMode
  readonly clusterIsTerminating: boolean
  readonly localIsTerminating: boolean
}

/**
 * Whether the Service has an endpoint anywhere that could serve: what tells a drop from a reject. The cluster set
 * has one exactly then, because topology never narrows it to nothing.
 */
export function hasAnyEndpoints(selection: EndpointSelection): boolean {
  return selection.cluster.length > 0
}

const none: readonly MergedEndpoint[] = []

export function selectEndpoints(endpoints: readonly MergedEndpoint[], node: NodeTopology): EndpointSelection {
  const areReady = endpoints.every(({ endpoint }) => endpoint.ready)
  const ready = areReady ? endpoints : endpoints.filter(({ endpoint }) => endpoint.ready)
  const terminating = areReady
    ? none
    : endpoints.filter(({ endpoint }) => !endpoint.ready && endpoint.serving && endpoint.terminating)
  const { topology, allowed } = narrowByTopology(ready, node)
  const localReady = ready.filter((candidate) => isLocal(candidate, node))
  const clusterIsTerminating = ready.length === 0 && terminating.length > 0
  const localTerminating =
    localReady.length > 0 ? none : terminating.filter((candidate) => isLocal(candidate, node))
  return {
    cluster: clusterIsTerminating ? terminating : allowed,
    local: localReady.length > 0 ? localReady : localTerminating,
    topology,
    clusterIsTerminating,
    localIsTerminating: localTerminating.length > 0,
  }
}

/** Local means that the endpoint names this node; one that names none is never local (SEMANTICS 1). */
export function isLocal({ endpoint }: MergedEndpoint, node: NodeTopology): boolean {
  return endpoint.nodeName !== '' && endpoint.nodeName === node.nodeName
}

/**
 * Hints count all or nothing: one ready endpoint without a hint, or none hinted for here, and the mode is off for the
 * whole service port, so that a control plane in the middle of an update can't overload few endpoints.
 */
function narrowByTopology(
  ready: readonly MergedEndpoint[],
  node: NodeTopology,
): { topology: TopologyMode; allowed: readonly MergedEndpoint[] } {
  const byNode = hintedFor(ready, 'nodeHints', node.nodeName)
  if (byNode !== undefined) return { topology: 'node', allowed: byNode }
  const byZone = hintedFor(ready, 'zoneHints', node.zone)
  if (byZone !== undefined) return { topology: 'zone', allowed: byZone }
  return { topology: 'none', allowed: ready }
}

function hintedFor(
  ready: readonly MergedEndpoint[],
  hints: 'nodeHints' | 'zoneHints',
  here: string,
): readonly MergedEndpoint[] | undefined {
  if (here === '' || ready.some(({ endpoint }) => endpoint[hints].length === 0)) return undefined
  const hinted = ready.filter(({ endpoint }) => endpoint[hints].includes(here))
  return hinted.length > 0 ? hinted : undefined
}
