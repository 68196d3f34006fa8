import type { ClusterRecord, ObjectProblem, RecordKind, Unserved } from '../../cluster/records.ts'

/** What a parser makes of an API object; the signature of `parseService` and its siblings in core/cluster. */
export type ObjectParser<R extends ClusterRecord> = (raw: unknown) => {
  readonly key: string
  /** Absent: not ours, or unusable. */
  readonly record: R | undefined
  readonly problems: readonly ObjectProblem[]
  readonly unserved?: Unserved
}

/** One resource to list and watch, and how its objects are read. */
export interface Resource<R extends ClusterRecord> {
  readonly kind: R['kind'] & RecordKind
  /** `services`, as RBAC and the log name it. */
  readonly name: string
  /** `/api/v1/services` */
  readonly path: string
  /**
   * One object of it by its name, whether there is one or not: listing that costs the server one key of its store, and
   * tells the resource's present version.
   */
  readonly single: { readonly namespace?: string; readonly name: string }
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /**
   * The field selector only saves traffic, because the parser leaves out the same objects: it is dropped for a server
   * that doesn't know it.
   */
  readonly fieldSelectorOptional?: boolean
  /** A server that doesn't serve it (404), or doesn't let us (403), has none. */
  readonly optional?: boolean
  readonly parse: ObjectParser<R>
}

export type Query = Readonly<Record<string, string>>

/** The request path of a resource with its selectors and a query. */
export function requestPath(
  resource: Resource<ClusterRecord>,
  query: Query,
  options: { readonly withFieldSelector: boolean },
): string {
  const parameters = new URLSearchParams(query)
  if (resource.labelSelector !== undefined) parameters.set('labelSelector', resource.labelSelector)
  if (resource.fieldSelector !== undefined && options.withFieldSelector) {
    parameters.set('fieldSelector', resource.fieldSelector)
  }
  return `${resource.path}?${parameters}`
}

/** The request path of a list that is only made for its resourceVersion. */
export function versionPath({ path, single }: Resource<ClusterRecord>): string {
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${single.name}`, limit: '1' })
  if (single.namespace === undefined) return `${path}?${query}`
  const lastSlash = path.lastIndexOf('/')
  return `${path.slice(0, lastSlash)}/namespaces/${single.namespace}${path.slice(lastSlash)}?${query}`
}
