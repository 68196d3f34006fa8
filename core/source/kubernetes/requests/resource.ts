import type { Parsed } from '../../../cluster/parsed.ts'
import type { ClusterRecord, RecordKind } from '../../../cluster/records.ts'

/** The signature of `parseService` and its siblings in core/cluster. */
export type ObjectParser<R extends ClusterRecord> = (raw: unknown) => Parsed<R>

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

/**
 * The request path of a list of at most one object, which tells the resource's present version as well. `key`:
 * `namespace/name` or `name`; absent: that of `single`.
 */
export function versionPath({ path, single }: Resource<ClusterRecord>, key?: string): string {
  const slash = key?.indexOf('/') ?? -1
  const namespace = key === undefined ? single.namespace : slash < 0 ? undefined : key.slice(0, slash)
  const name = key === undefined ? single.name : key.slice(slash + 1)
  const query = new URLSearchParams({ fieldSelector: `metadata.name=${name}`, limit: '1' })
  if (namespace === undefined) return `${path}?${query}`
  const lastSlash = path.lastIndexOf('/')
  const collection = path.slice(lastSlash)
  return `${path.slice(0, lastSlash)}/namespaces/${encodeURIComponent(namespace)}${collection}?${query}`
}
