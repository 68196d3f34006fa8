import type { ObjectProblem } from '../cluster/records.ts'

const outcomes: Readonly<Record<ObjectProblem['skipped'], string>> = {
  object: 'the whole object is left out',
  value: 'this value is left out',
  file: 'what it held before stays',
}

/** `Service shop/web: spec.clusterIPs[0] "10.0.0.999": must be an IP address (left out)`, in one line. */
export function describeProblem({ kind, object, field, value, fix, skipped }: ObjectProblem): string {
  const what = value === '' ? field : `${field} ${value}`
  return `${kind} ${object}: ${what}: ${fix} (${outcomes[skipped]})`
}
