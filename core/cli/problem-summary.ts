/** `3 problems in objects: Service spec.clusterIP 2, EndpointSlice ports[].port 1`; nothing where there is none. */
export function problemSummary(counts: ReadonlyMap<string, number>): string | undefined {
  let total = 0
  for (const count of counts.values()) total += count
  if (total === 0) return undefined
  const most = [...counts].sort(([, one], [, other]) => other - one)
  const shown = most.slice(0, 10).map(([field, count]) => `${field} ${count}`)
  const more = most.length > shown.length ? ` and ${most.length - shown.length} more fields` : ''
  return `${total} problem${total === 1 ? '' : 's'} in objects: ${shown.join(', ')}${more}`
}
