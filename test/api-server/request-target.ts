import { type ResourceKind, resourceKinds } from './api-object.ts'

/** What the path of a request names. */
export interface RequestTarget {
  readonly resource: ResourceKind
  /** Empty: all namespaces. */
  readonly namespace: string
  /** Empty: the collection. */
  readonly name: string
}

/** `undefined` for a path that isn't served. */
export function readTarget(path: string): RequestTarget | undefined {
  for (const resource of resourceKinds) {
    if (!path.startsWith(`${resource.prefix}/`)) continue
    const parts = path.slice(resource.prefix.length + 1).split('/')
    let namespace = ''
    if (resource.namespaced && parts[0] === 'namespaces' && parts.length > 2) {
      namespace = decodeURIComponent(parts[1] ?? '')
      parts.splice(0, 2)
    }
    const [plural, name = ''] = parts
    if (plural !== resource.plural || parts.length > 2) continue
    if (name !== '' && resource.namespaced && namespace === '') continue
    return { resource, namespace, name: decodeURIComponent(name) }
  }
  return undefined
}
