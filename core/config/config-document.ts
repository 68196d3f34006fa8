import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml'
import { type ConfigProblem, shorten } from './config-error.ts'
import type { ConfigNote } from './config-note.ts'
import type { Fields, Given } from './field.ts'
import { isMapping, type ListKind } from './field-kind.ts'
import { kubeProxyFields } from './kube-proxy-fields.ts'
import { portolanFields } from './portolan-fields.ts'

/** What a configuration file says. */
export interface ConfigDocument {
  /** By the paths of {@link kubeProxyFields}. */
  readonly kubeProxy: ReadonlyMap<string, Given>
  /** Whether there is a KubeProxyConfiguration, however empty. */
  readonly hasKubeProxy: boolean
  /** By the paths of {@link portolanFields}. */
  readonly portolan: ReadonlyMap<string, Given>
  readonly problems: readonly ConfigProblem[]
  readonly notes: readonly ConfigNote[]
}

const kinds: Readonly<Record<string, { readonly apiVersion: string; readonly fields: Fields }>> = {
  KubeProxyConfiguration: { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', fields: kubeProxyFields },
  PortolanConfiguration: { apiVersion: 'portolan.dev/v1alpha1', fields: portolanFields },
}

/** Times that one anchor may be repeated, so that a few lines can't grow into gigabytes. */
const maxAliasCount = 20

/**
 * Reads the YAML or JSON of a configuration file: a KubeProxyConfiguration, a PortolanConfiguration, or both as two
 * documents. What kube-proxy only warns of (unknown and repeated fields) is a note, everything else that is wrong is a
 * problem. Never throws.
 *
 * @param name of the file, for messages
 */
export function parseConfigDocument(text: string, name: string): ConfigDocument {
  const reader = new DocumentReader(name)
  try {
    reader.read(text)
  } catch (error) {
    // The library's recursion, or its count of aliases.
    const message = error instanceof Error ? error.message : String(error)
    reader.problems.push({ at: name, setting: 'the file', fix: `can't be read as YAML: ${shorten(message)}` })
  }
  return reader
}

class DocumentReader implements ConfigDocument {
  readonly kubeProxy = new Map<string, Given>()
  readonly portolan = new Map<string, Given>()
  hasKubeProxy = false
  readonly problems: ConfigProblem[] = []
  readonly notes: ConfigNote[] = []
  readonly #name: string
  readonly #lines = new LineCounter()

  constructor(name: string) {
    this.#name = name
  }

  read(text: string): void {
    const parsed = parseAllDocuments(text, {
      uniqueKeys: false,
      lineCounter: this.#lines,
      logLevel: 'silent',
    })
    const documents = 'empty' in parsed ? [] : parsed
    const seen = new Set<string>()
    for (const document of documents) {
      for (const error of document.errors) {
        const fix = `no YAML: ${shorten(error.message.split('\n')[0] ?? error.code)}`
        this.problems.push({ at: this.#at(error.pos[0]), setting: 'the file', fix })
      }
      if (document.errors.length === 0 && !isNothing(document.contents)) this.#document(document, seen)
    }
    if (seen.size > 0 || this.problems.length > 0) return
    const fix = 'it is empty: it must have a KubeProxyConfiguration or a PortolanConfiguration'
    this.problems.push({ at: this.#name, setting: 'the file', fix })
  }

  #document(document: Document, seen: Set<string>): void {
    const { contents } = document
    const at = this.#at(contents?.range?.[0])
    if (!isMap(contents)) {
      this.problems.push({
        at,
        setting: 'the document',
        fix: 'write fields and values, such as mode: nftables',
      })
      return
    }
    const [apiVersion, kind] = [contents.get('apiVersion'), contents.get('kind')]
    const known = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (known === undefined || typeof kind !== 'string') {
      const fix = `write one of ${Object.keys(kinds).join(', ')}`
      // Files may have documents for other programs behind those that are read here.
      if (seen.size > 0)
        this.notes.push({ kind: 'unknown', at, setting: `kind ${shorten(String(kind))}`, why: 'not read' })
      else this.problems.push({ at, setting: 'kind', value: String(kind ?? ''), fix })
      return
    }
    if (apiVersion !== known.apiVersion) {
      this.problems.push({
        at,
        setting: 'apiVersion',
        value: String(apiVersion ?? ''),
        fix: `write ${known.apiVersion}`,
      })
      return
    }
    if (seen.has(kind))
      this.problems.push({
        at,
        setting: 'kind',
        value: kind,
        fix: 'it is there already: give one of the two',
      })
    seen.add(kind)
    if (kind === 'KubeProxyConfiguration') this.hasKubeProxy = true
    const values = kind === 'KubeProxyConfiguration' ? this.kubeProxy : this.portolan
    new FieldReader(document, known.fields, values, this, (offset) => this.#at(offset)).read(contents)
  }

  #at(offset: number | undefined): string {
    return offset === undefined ? this.#name : `${this.#name}:${this.#lines.linePos(offset).line}`
  }
}

/** Reads the fields of one document. */
class FieldReader {
  readonly #document: Document
  readonly #fields: Fields
  readonly #values: Map<string, Given>
  readonly #found: Pick<DocumentReader, 'problems' | 'notes'>
  readonly #at: (offset: number | undefined) => string
  /** `conntrack`, `logging.options`: what fields are in. */
  readonly #groups: ReadonlySet<string>

  constructor(
    document: Document,
    fields: Fields,
    values: Map<string, Given>,
    found: Pick<DocumentReader, 'problems' | 'notes'>,
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
      const path = `${group}${name}`
      const at = this.#at((key as Node | null)?.range?.[0])
      if (seen.has(name))
        this.#found.notes.push({
          kind: 'duplicate',
          at,
          setting: path,
          why: 'given twice; the last one counts',
        })
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
          setting: shorten(path),
          why: `no such field, so it is not read${this.#meant(path)}`,
        })
    }
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

function isNothing(node: unknown): boolean {
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
