import type { ObjectProblem } from '../cluster/records.ts'

/** `Service shop/web: spec.clusterIPs[0] "10.0.0.999": must be an IP address (left out)`, in one line. */
export function describeProblem({ kind, object, field, value, mend, skipped }: ObjectProblem): string {
  const left = skipped === 'object' ? 'the whole object is left out' : 'this value is left out'
  return `${kind} ${object}: ${field} ${value}: ${mend} (${left})`
}
