import { readFile } from 'node:fs/promises'
import { parseNode } from '../../cluster/parse-node.ts'
import { parseService } from '../../cluster/parse-service.ts'
import { parseServiceCidr } from '../../cluster/parse-service-cidr.ts'
import { parseSlice } from '../../cluster/parse-slice.ts'
import type { Parsed } from '../../cluster/parsed.ts'
import { shownName, shownValue } from '../../cluster/problem-report.ts'
import { isRawObject, type RawObject } from '../../cluster/raw-object.ts'
import type { ClusterRecord, ObjectProblem, RecordKind, Unserved } from '../../cluster/records.ts'
import { ClusterFileError, readDocuments } from './documents.ts'

/** What a file says about a cluster. */
export interface ClusterFile {
  /** By kind and key; of two objects of the same name the later one counts, as with kubectl. */
  readonly records: ReadonlyMap<string, ClusterRecord>
  readonly problems: readonly ObjectProblem[]
  /** Valid objects that aren't ours. */
  readonly unserved: readonly Unserved[]
  /** Kinds of objects that mean nothing to a proxy, and were passed over. */
  readonly ignoredKinds: readonly string[]
  /** Objects of the kinds that matter, whether or not they could be used. */
  readonly objectCount: number
}

interface ObjectType {
  readonly group: string
  readonly parse: (raw: unknown) => Parsed<ClusterRecord>
}

const objectTypes: Readonly<Record<RecordKind, ObjectType>> = {
  Service: { group: '', parse: parseService },
  EndpointSlice: { group: 'discovery.k8s.io', parse: parseSlice },
  Node: { group: '', parse: parseNode },
  ServiceCIDR: { group: 'networking.k8s.io', parse: parseServiceCidr },
}

/**
 * Reads a file of ordinary objects once: multi-document YAML or JSON, also `kind: List` (SEMANTICS 1).
 * Throws {@link ClusterFileError} for a file that can't be read at all; broken objects are in `problems`.
 */
export async function readClusterFile(path: string): Promise<ClusterFile> {
  return parseClusterText(await readClusterText(path), path)
}

/** The text of such a file. Throws {@link ClusterFileError} where it is too large, and what `readFile` does. */
export async function readClusterText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    // Node.js says of a directory that it is one, and not which.
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') throw Object.assign(error as Error, { path })
    // No string of V8's is longer than half a gigabyte, and no file is read at once that has more than two.
    if (!(error instanceof RangeError)) throw error
    throw new ClusterFileError(path, 1, 1, 'the file is too large: half a gigabyte is the most that is read')
  }
}

/** Reads the text of such a file. `path` is for errors only. */
export async function parseClusterText(text: string, path: string): Promise<ClusterFile> {
  const records = new Map<string, ClusterRecord>()
  const problems: ObjectProblem[] = []
  const unserved: Unserved[] = []
  const ignoredKinds = new Set<string>()
  const seen = new Set<string>()
  for (const document of await readDocuments(text, path)) {
    for (const { kind, raw } of objectsIn(document, problems, path)) {
      const type = objectTypeOf(kind, raw)
      if (type === undefined) {
        ignoredKinds.add(shownName(String(kind), 64))
        continue
      }
      const parsed = type.parse(raw)
      problems.push(...parsed.problems)
      if (parsed.unserved !== undefined) unserved.push(parsed.unserved)
      if (parsed.key === '') continue
      const id = recordId(kind as RecordKind, parsed.key)
      if (seen.has(id)) {
        problems.push({
          kind,
          object: parsed.key,
          field: 'metadata.name',
          value: JSON.stringify(parsed.key),
          fix: 'is in the file more than once; the last one counts, so remove the others',
          skipped: 'value',
        })
      }
      seen.add(id)
      if (parsed.record === undefined) records.delete(id)
      else records.set(id, parsed.record)
    }
  }
  return { records, problems, unserved, ignoredKinds: [...ignoredKinds], objectCount: seen.size }
}

export function recordId(kind: RecordKind, key: string): string {
  return `${kind} ${key}`
}

interface FoundObject {
  readonly kind: string
  readonly raw: RawObject
}

/** The objects of one document: itself, or the items of a list. Items of a `ServiceList` don't say their kind. */
function* objectsIn(document: unknown, problems: ObjectProblem[], path: string): Generator<FoundObject> {
  if (document === null || document === undefined) return
  const list = isRawObject(document) && Array.isArray(document.items) ? document.items : undefined
  const kind = isRawObject(document) && typeof document.kind === 'string' ? document.kind : ''
  if (list === undefined || !kind.endsWith('List')) {
    yield* namedObject(document, kind, problems, path)
    return
  }
  const itemKind = kind.slice(0, -'List'.length)
  for (const item of list) {
    const said = isRawObject(item) && typeof item.kind === 'string' ? item.kind : itemKind
    yield* namedObject(item, said, problems, path)
  }
}

function* namedObject(
  raw: unknown,
  kind: string,
  problems: ObjectProblem[],
  path: string,
): Generator<FoundObject> {
  if (isRawObject(raw) && kind !== '') {
    yield { kind, raw }
    return
  }
  problems.push({
    kind: 'file',
    object: path,
    field: 'kind',
    value: shownValue(isRawObject(raw) ? raw.kind : raw),
    fix: 'each document must be a Kubernetes object with a kind',
    skipped: 'object',
  })
}

/** Kind and group together say what an object is: other groups have a Service too. No apiVersion: taken at its word. */
function objectTypeOf(kind: string, raw: RawObject): ObjectType | undefined {
  const type = Object.hasOwn(objectTypes, kind) ? objectTypes[kind as RecordKind] : undefined
  const apiVersion = raw.apiVersion
  if (type === undefined || typeof apiVersion !== 'string') return type
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return group === type.group ? type : undefined
}
