import { ProblemReport, shownName } from './problem-report.ts'
import type { RecordKind } from './records.ts'

/** An object of unknown content: every field is checked before it is used. */
export type RawObject = Readonly<Record<string, unknown>>

const emptyObject: RawObject = Object.freeze({})

export function isRawObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object in a field that may be missing; anything else is told and read as missing. */
export function objectField(from: RawObject, field: string, path: string, report: ProblemReport): RawObject {
  const value = from[field]
  if (value === undefined || value === null) return emptyObject
  if (isRawObject(value)) return value
  report.skipValue(path, value, 'must be an object; read as if it were missing')
  return emptyObject
}

/** The list in a field that may be missing; anything else is told and read as empty. */
export function listField(
  from: RawObject,
  field: string,
  path: string,
  report: ProblemReport,
): readonly unknown[] {
  const value = from[field]
  if (value === undefined || value === null) return []
  if (Array.isArray(value)) return value
  report.skipValue(path, value, 'must be a list; read as if it were missing')
  return []
}

/** One of a few known words. An unknown one is told and replaced by `otherwise`, as is a missing one silently. */
export function wordField<Word extends string>(
  from: RawObject,
  field: string,
  path: string,
  words: readonly Word[],
  otherwise: Word,
  report: ProblemReport,
): Word {
  const value = from[field]
  if (value === undefined || value === null || value === '') return otherwise
  const word = words.find((known) => known === value)
  if (word !== undefined) return word
  report.skipValue(path, value, `must be one of ${words.join(', ')}; read as ${otherwise}`)
  return otherwise
}

/** A whole number within bounds. */
export function isWholeNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

/** Who an object is; `undefined` key for one that can't be named, with the problem already in the report. */
export interface Identity {
  readonly key: string
  readonly namespace: string
  readonly metadata: RawObject
  readonly labels: RawObject
  readonly report: ProblemReport
}

/** The names that Kubernetes gives objects (RFC 1123 subdomain), which also makes them safe as parts of keys. */
const objectName = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

/** Whether an object may have this name: at most 253 lower case letters, digits, `-` and `.`. */
export function isObjectName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 253 && objectName.test(value)
}

/**
 * Reads who an object is. A namespaced object without a namespace is in `default`, as with kubectl: an API server
 * never leaves it out, a file may.
 */
export function readIdentity(kind: RecordKind, raw: unknown, namespaced: boolean): Identity {
  const top = isRawObject(raw) ? raw : emptyObject
  const metadata = isRawObject(top.metadata) ? top.metadata : emptyObject
  const name = metadata.name
  const namespace = namespaced ? (metadata.namespace ?? 'default') : ''
  const labels = isRawObject(metadata.labels) ? metadata.labels : emptyObject
  if (isObjectName(name) && (!namespaced || isObjectName(namespace))) {
    const key = namespaced ? `${namespace}/${name}` : name
    return { key, namespace: String(namespace), metadata, labels, report: new ProblemReport(kind, key) }
  }
  const shown = [...(namespaced ? [namespace] : []), name].map((part) =>
    typeof part === 'string' ? shownName(part, 64) : '(unnamed)',
  )
  const report = new ProblemReport(kind, shown.join('/'))
  if (!isRawObject(raw)) report.skipObject('', raw, `must be a ${kind} object`)
  else if (!isRawObject(raw.metadata))
    report.skipObject('metadata', raw.metadata, 'must be an object with a name')
  else {
    const [field, value] = isObjectName(name) ? ['metadata.namespace', namespace] : ['metadata.name', name]
    report.skipObject(field, value, 'must be at most 253 lower case letters, digits, "-" and "."')
  }
  return { key: '', namespace: '', metadata, labels, report }
}
