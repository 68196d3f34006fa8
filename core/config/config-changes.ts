import { isDeepStrictEqual } from 'node:util'
import type { Fields } from './field.ts'
import { kubeProxyFields } from './kube-proxy-fields.ts'
import { portolanFields } from './portolan-fields.ts'
import type { ResolvedConfig } from './resolve-config.ts'
import { unusedBecause } from './unused-field.ts'

/** One field that another configuration has another value of. */
export interface ConfigChange {
  readonly field: string
  /** As a file holds them. */
  readonly before: unknown
  readonly after: unknown
  /** `reload`: it can be followed at once. `restart`: it can't. `nothing`: it decides nothing, before and after. */
  readonly needs: 'nothing' | 'reload' | 'restart'
}

const reloadable: ReadonlySet<string> = new Set(['logLevel', 'logging.verbosity'])

/** What the second configuration has changed, field by field. */
export function configChanges(before: ResolvedConfig, after: ResolvedConfig): ConfigChange[] {
  const compare = (
    fields: Fields,
    one: Readonly<Record<string, unknown>>,
    other: Readonly<Record<string, unknown>>,
  ): ConfigChange[] =>
    Object.entries(fields).flatMap(([field, { kind, standing }]) => {
      if (isDeepStrictEqual(one[field], other[field])) return []
      const isIgnored = standing !== undefined && 'ignored' in standing
      const isUnused = [before, after].every((resolved) => unusedBecause(field, resolved) !== undefined)
      const needs = isIgnored || isUnused ? 'nothing' : reloadable.has(field) ? 'reload' : 'restart'
      const values = { before: kind.toDocument(one[field]), after: kind.toDocument(other[field]) }
      return [{ field, ...values, needs }]
    })
  return [
    ...compare(kubeProxyFields, before.kubeProxy, after.kubeProxy),
    ...compare(portolanFields, before.portolan, after.portolan),
  ]
}

/** `clusterCIDR from "" to "10.244.0.0/16"` */
export function describeChange({ field, before, after }: ConfigChange): string {
  return `${field} from ${JSON.stringify(before)} to ${JSON.stringify(after)}`
}
