import { DataplaneLoadError, incomplete } from './dataplane-load-error.ts'

const requiredMethods = {
  compiler: ['compile', 'reconcile', 'print', 'trace'],
  kernel: ['probe', 'observe', 'apply', 'cleanup'],
} as const

/**
 * What `create` returned, as far as its shape tells.
 *
 * @throws {DataplaneLoadError} naming what is missing
 */
export function checkParts<Parts>(dataplane: string, parts: Parts): Parts {
  if (parts instanceof Promise) {
    // Nothing waits for it: its own failure must not end the process as an unhandled one.
    parts.catch(() => {})
    throw new DataplaneLoadError(
      'DATAPLANE_INCOMPLETE',
      `dataplane '${dataplane}': its create returned a promise, not a compiler and a kernel`,
      'create returns at once; what has to be awaited belongs into open()',
    )
  }
  const missing: string[] = []
  for (const [half, methods] of Object.entries(requiredMethods)) {
    const made: unknown = (parts as Readonly<Record<string, unknown>> | null | undefined)?.[half]
    if (typeof made !== 'object' || made === null) missing.push(half)
    else
      for (const method of methods)
        if (typeof (made as Readonly<Record<string, unknown>>)[method] !== 'function')
          missing.push(`${half}.${method}`)
  }
  if (missing.length > 0) throw incomplete(dataplane, missing)
  return parts
}

const dataplaneMethods = [
  ...requiredMethods.compiler,
  ...['probe', 'start', 'observe', 'isUnchanged', 'apply', 'stop', 'cleanup'],
]

/**
 * What a factory returned that may not be one of `defineDataplane`'s, as far as its shape tells.
 *
 * @throws {DataplaneLoadError} naming what is missing
 */
export function checkDataplane<Made>(dataplane: string, made: Made): Made {
  const parts = (made ?? {}) as Readonly<Record<string, unknown>>
  const missing = dataplaneMethods.filter((method) => typeof parts[method] !== 'function')
  if (typeof parts.capabilities !== 'object' || parts.capabilities === null) missing.push('capabilities')
  if (missing.length > 0) throw incomplete(dataplane, missing)
  return made
}
