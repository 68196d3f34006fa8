/**
 * What the reflector reads of an object that isn't parsed: one that was deleted, or that a list has in the version that
 * was delivered already. Everything else is the parser's.
 */
export interface ObjectIdentity {
  /** `namespace/name`, or `name` for an object of the cluster. */
  readonly key: string
  /** Empty when the object has none. */
  readonly resourceVersion: string
}

/** `undefined` for what can't be an API object. */
export function identityOf(raw: unknown): ObjectIdentity | undefined {
  const metadata = member(raw, 'metadata')
  const name = member(metadata, 'name')
  if (typeof name !== 'string') return undefined
  const namespace = member(metadata, 'namespace')
  return {
    key: typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : name,
    resourceVersion: resourceVersionOf(raw),
  }
}

/** `metadata.resourceVersion` of an object, a list or a bookmark; empty when it has none. */
export function resourceVersionOf(raw: unknown): string {
  return text(member(member(raw, 'metadata'), 'resourceVersion'))
}

/** Where the next page of a list starts; empty on the last one. */
export function continueToken(raw: unknown): string {
  return text(member(member(raw, 'metadata'), 'continue'))
}

/** One member of what may be an object. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
