/** An API object as a client writes it. What the server doesn't know, it keeps as it is. */
export interface ApiObject {
  readonly apiVersion?: string
  readonly kind: string
  readonly metadata: ObjectMetadata
  readonly [member: string]: unknown
}

export interface ObjectMetadata {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly resourceVersion?: string
  readonly uid?: string
  readonly creationTimestamp?: string
  readonly [member: string]: unknown
}

/** An object as the server holds it: serialised once, with what selectors ask for beside it. */
export interface StoredObject {
  /** `namespace/name`, or `name`. */
  readonly key: string
  readonly name: string
  readonly namespace: string
  readonly version: number
  /** Without `kind` and `apiVersion`, as items of a list are. */
  readonly json: Buffer
  /** `undefined` for what only JSON can say, as in a broken object. */
  readonly protobuf: Buffer | undefined
  readonly labels: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, string>>
}

export type Kind = 'Service' | 'EndpointSlice' | 'Node' | 'ServiceCIDR' | 'Event' | 'Pod' | 'ConfigMap'

export interface ResourceKind {
  readonly kind: Kind
  readonly apiVersion: string
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  readonly prefix: string
  readonly plural: string
  readonly namespaced: boolean
  /** Fields that a field selector may name, beside name and namespace. */
  readonly selectableFields: readonly string[]
}

export const resourceKinds: readonly ResourceKind[] = [
  {
    kind: 'Service',
    apiVersion: 'v1',
    prefix: '/api/v1',
    plural: 'services',
    namespaced: true,
    selectableFields: ['spec.clusterIP', 'spec.type'],
  },
  {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    prefix: '/apis/discovery.k8s.io/v1',
    plural: 'endpointslices',
    namespaced: true,
    selectableFields: [],
  },
  {
    kind: 'Node',
    apiVersion: 'v1',
    prefix: '/api/v1',
    plural: 'nodes',
    namespaced: false,
    selectableFields: [],
  },
  {
    kind: 'ServiceCIDR',
    apiVersion: 'networking.k8s.io/v1',
    prefix: '/apis/networking.k8s.io/v1',
    plural: 'servicecidrs',
    namespaced: false,
    selectableFields: [],
  },
  {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    prefix: '/apis/events.k8s.io/v1',
    plural: 'events',
    namespaced: true,
    selectableFields: ['reason', 'type'],
  },
  {
    kind: 'Pod',
    apiVersion: 'v1',
    prefix: '/api/v1',
    plural: 'pods',
    namespaced: true,
    selectableFields: ['status.phase'],
  },
  {
    kind: 'ConfigMap',
    apiVersion: 'v1',
    prefix: '/api/v1',
    plural: 'configmaps',
    namespaced: true,
    selectableFields: [],
  },
]

export function resourceKind(kind: string): ResourceKind {
  const found = resourceKinds.find((resource) => resource.kind === kind)
  if (found === undefined) {
    throw new TypeError(`${kind} is not served: want ${resourceKinds.map((r) => r.kind).join(', ')}`)
  }
  return found
}

/** `namespace/name` of an object; a namespaced one without a namespace is in `default`. */
export function objectKey(resource: ResourceKind, namespace: string | undefined, name: string): string {
  return resource.namespaced ? `${namespace || 'default'}/${name}` : name
}
