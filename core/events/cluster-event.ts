/** An Event of Kubernetes that is to be told, in what every node's word for it is the same. */
export interface ClusterEvent {
  /** The object that it is about, and is listed with (`kubectl describe`). */
  readonly regarding:
    | { readonly kind: 'Node'; readonly name: string }
    | { readonly kind: 'Service'; readonly namespace: string; readonly name: string }
  readonly type: 'Normal' | 'Warning'
  /** In CamelCase, as all reasons are: why it was told. */
  readonly reason: string
  /** In CamelCase: what was done or tried. */
  readonly action: string
  /** For a person. What is of unknown origin in it must be safe to show. */
  readonly note: string
  /** Every node finds the same, so the cluster needs it once: whoever comes first tells it. Default: each node tells it. */
  readonly oncePerCluster?: boolean
}

/** What stands for all events that are told as one, with a count. The note may differ, as with other components. */
export function seriesKey({ regarding, type, reason, action, note, oncePerCluster }: ClusterEvent): string {
  const namespace = regarding.kind === 'Node' ? '' : regarding.namespace
  const parts = [regarding.kind, namespace, regarding.name, type, reason, action]
  return JSON.stringify(oncePerCluster === true ? [...parts, note] : parts)
}
