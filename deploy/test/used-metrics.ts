/** What an expression of PromQL reads. */
export interface UsedMetrics {
  readonly metrics: ReadonlySet<string>
  readonly labels: ReadonlySet<string>
}

/** Prefixes of names that are metrics wherever they stand. */
const metricName = /\b(?:kubeproxy|portolan|rest_client|process|nodejs|kubernetes)_\w+\b/g

/** `{job="kube-proxy", instance=~"x"}` */
const selector = /\{([^}]*)\}/g
const matcher = /(\w+)\s*(?:=~|!~|!=|=)/g

/** `by (instance, le)` */
const grouping = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g

/** Found by the form of what we write, not by a grammar. */
export function usedMetrics(expression: string): UsedMetrics {
  const inSelectors = [...expression.matchAll(selector)].flatMap(([, inside = '']) =>
    [...inside.matchAll(matcher)].map(([, label = '']) => label),
  )
  const inGroupings = [...expression.matchAll(grouping)].flatMap(([, inside = '']) =>
    inside.split(',').map((label) => label.trim()),
  )
  const labels = [...inSelectors, ...inGroupings].filter((label) => label !== '')
  return { metrics: new Set(expression.match(metricName) ?? []), labels: new Set(labels) }
}
