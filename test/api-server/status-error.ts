import type { ResourceKind } from './api-object.ts'

/** More of a `Status` object than every failure has. */
export interface StatusExtras {
  readonly details?: object
  /** Of a list that has expired: goes on with the list, inconsistently. */
  readonly continueToken?: string
  /** Of the header Retry-After. */
  readonly retryAfterSeconds?: number
}

/** A request that is answered with a `Status` object. */
export class StatusError extends Error {
  readonly status: number
  readonly reason: string
  readonly extras: StatusExtras

  constructor(status: number, reason: string, message: string, extras: StatusExtras = {}) {
    super(message)
    this.name = 'StatusError'
    this.status = status
    this.reason = reason
    this.extras = extras
  }
}

export function statusObject({ message, reason, status, extras }: StatusError): object {
  const { details, continueToken } = extras
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: continueToken === undefined ? {} : { continue: continueToken },
    status: 'Failure',
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code: status,
  }
}

// The words below are those of kube-apiserver 1.37.2: the tests ask both servers.

/** @param version the oldest from which a watch can go on */
export function tooOld(asked: number, version: number): StatusError {
  return new StatusError(410, 'Expired', `too old resource version: ${asked} (${version})`)
}

export function listTooOld(): StatusError {
  return new StatusError(410, 'Expired', 'The resourceVersion for the provided list is too old.')
}

/** @param continueToken goes on from the same place of the present state */
export function continueExpired(continueToken: string): StatusError {
  return new StatusError(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { continueToken },
  )
}

export function tooLarge(asked: number, version: number): StatusError {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }]
  return new StatusError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${asked}, current: ${version}`,
    { details: { causes, retryAfterSeconds: 1 }, retryAfterSeconds: 1 },
  )
}

/** With an etcd older than 3.4.25 or 3.5.8. */
export function noProgressNotifications(): StatusError {
  return new StatusError(
    500,
    'InternalError',
    'a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled',
  )
}

/** @param namespace empty: all of them */
export function forbidden(
  resource: ResourceKind,
  namespace: string,
  user: string,
  verb: 'list' | 'watch' | 'create',
): StatusError {
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`
  const what = `cannot ${verb} resource "${resource.plural}" in API group "${groupOf(resource)}" ${where}`
  const message = `${qualified(resource)} is forbidden: User "${user}" ${what}`
  return new StatusError(403, 'Forbidden', message, of(resource))
}

/** Of a list or a watch. */
export function forbiddenOption(field: string, why: string): StatusError {
  const causes = [{ reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field }]
  return new StatusError(
    422,
    'Invalid',
    `ListOptions.meta.k8s.io "" is invalid: ${field}: Forbidden: ${why}`,
    { details: { group: 'meta.k8s.io', kind: 'ListOptions', causes } },
  )
}

export function notFound(resource: ResourceKind, name: string): StatusError {
  return new StatusError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, of(resource, name))
}

export function notServed(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', { details: {} })
}

export function alreadyExists(resource: ResourceKind, name: string): StatusError {
  const message = `${qualified(resource)} "${name}" already exists`
  return new StatusError(409, 'AlreadyExists', message, of(resource, name))
}

export function conflict(resource: ResourceKind, name: string): StatusError {
  return new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    of(resource, name),
  )
}

/** Empty: the core group. */
function groupOf({ apiVersion }: ResourceKind): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
}

/** `services`, `endpointslices.discovery.k8s.io` */
function qualified(resource: ResourceKind): string {
  const group = groupOf(resource)
  return group === '' ? resource.plural : `${resource.plural}.${group}`
}

function of(resource: ResourceKind, name?: string): StatusExtras {
  const group = groupOf(resource)
  return {
    details: {
      ...(name === undefined ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind: resource.plural,
    },
  }
}
