import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { type ConfigProblem, shorten } from './config-error.ts'
import type { ConfigNote } from './config-note.ts'
import type { Fields, Given } from './field.ts'
import { isMapping, type ListKind } from './field-kind.ts'

/** Times that one anchor may be repeated, so that a few lines can't grow into gigabytes. */
const maxAliasCount = 20

/** Where to put what is found beside the values. */
export interface FoundInDocument {
  readonly problems: ConfigProblem[]
  readonly notes: ConfigNote[]
}

/** Reads the fields of one document into a map of what they say. */
export class DocumentFields {
  readonly #document: Document
  readonly #fields: Fields
  readonly #values: Map<string, Given>
  readonly #found: FoundInDocument
  readonly #at: (offset: number | undefined) => string
  /** `conntrack`, `logging.options`: what fields are in. */
  readonly #groups: ReadonlySet<string>

  constructor(
    document: Document,
    fields: Fields,
    values: Map<string, Given>,
    found: FoundInDocument,
    at: (offset: number | undefined) => string,
  ) {
    this.#document = document
    this.#fields = fields
    this.#values = values
    this.#found = found
    this.#at = at
    this.#groups = new Set(
      Object.keys(fields).flatMap((path) =>
        path
          .split('.')
          .slice(0, -1)
          .map((_, index, names) => names.slice(0, index + 1).join('.')),
      ),
    )
  }

  /** @param group the path of the mapping, with a dot at its end; empty: the document itself */
  read(mapping: unknown, group = ''): void {
    if (!isMap(mapping)) return
    const seen = new Set<string>()
    for (const { key, value } of mapping.items) {
      const name = isScalar(key) ? String(key.value) : String(key)
      const path = `${group}${shorten(name)}`
      const at = this.#at((key as Node | null)?.range?.[0])
      if (seen.has(name)) this.#duplicate(path, at)
      seen.add(name)
      if (group === '' && (name === 'apiVersion' || name === 'kind')) continue
      if (Object.hasOwn(this.#fields, path)) this.#field(path, value, at)
      else if (this.#groups.has(path)) this.#group(path, value, at)
      else if (name === '<<')
        this.#found.problems.push({ at, setting: path, fix: 'merge keys are not read: write the fields out' })
      else
        this.#found.notes.push({
          kind: 'unknown',
          at,
          setting: path,
          why: `no such field, so it is not read${this.#meant(path)}`,
        })
    }
  }

  /** What is wrong with the one before is no problem any more. */
  #duplicate(path: string, at: string): void {
    const { notes, problems } = this.#found
    notes.push({ kind: 'duplicate', at, setting: path, why: 'given twice; the last one counts' })
    if (!Object.hasOwn(this.#fields, path) && !this.#groups.has(path)) return
    const isOfIt = (setting: string) =>
      setting === path || setting.startsWith(`${path}[`) || setting.startsWith(`${path}.`)
    const rest = problems.filter(({ setting }) => !isOfIt(setting))
    problems.splice(0, problems.length, ...rest)
  }

  #group(path: string, value: unknown, at: string): void {
    const node = isAlias(value) ? value.resolve(this.#document) : value
    if (isMap(node)) this.read(node, `${path}.`)
    else if (!isNothing(node))
      this.#found.problems.push({
        at,
        setting: path,
        value: String(node),
        fix: 'write fields and values below it',
      })
  }

  #field(path: string, node: unknown, at: string): void {
    const field = this.#fields[path]
    const value: unknown = (node as Node | null)?.toJS(this.#document, { maxAliasCount }) ?? null
    // What is given last counts, null and empty included.
    this.#values.delete(path)
    if (field === undefined || value === null || (field.emptyIsStandard === true && isEmpty(value))) return
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    const read = field.kind.fromDocument(value)
    if (read !== undefined) {
      this.#values.set(path, { value: read, text, setting: path, at })
      return
    }
    const wrong = wrongItem(field.kind, value)
    this.#found.problems.push(
      wrong === undefined
        ? { at, setting: path, value: text, fix: `write ${field.kind.expects}` }
        : {
            at: isSeq(node) ? this.#at((node.items[wrong.index] as Node | null)?.range?.[0]) : at,
            setting: `${path}[${wrong.index}]`,
            value: String(wrong.item),
            fix: `write ${field.kind.expects}`,
          },
    )
  }

  /** What the author of an unknown field may have meant. */
  #meant(path: string): string {
    const meant = [...Object.keys(this.#fields), ...this.#groups].find(
      (known) => known.toLowerCase() === path.toLowerCase(),
    )
    return meant === undefined ? '' : `; did you mean ${meant}?`
  }
}

function wrongItem(
  kind: object,
  value: unknown,
): { readonly index: number; readonly item: unknown } | undefined {
  if (!('accepts' in kind) || !Array.isArray(value)) return undefined
  const { accepts } = kind as ListKind
  const index = value.findIndex((item: unknown) => typeof item !== 'string' || !accepts(item))
  return index < 0 ? undefined : { index, item: value[index] }
}

export function isNothing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null)
}

/** What Go takes for "not set" in a field without a pointer. */
function isEmpty(value: unknown): boolean {
  return (
    value === '' ||
    value === 0 ||
    value === '0' ||
    value === '0s' ||
    (isMapping(value) && Object.keys(value).length === 0)
  )
}
