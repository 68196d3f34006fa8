import { type Document, isMap, LineCounter, parseAllDocuments } from 'yaml'
import { type ConfigProblem, shorten } from './config-error.ts'
import type { ConfigNote } from './config-note.ts'
import { DocumentFields, isNothing } from './document-fields.ts'
import type { Fields, Given } from './field.ts'
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
      stringKeys: true,
      lineCounter: this.#lines,
      logLevel: 'silent',
      // Each would search the whole text for its place.
      prettyErrors: false,
    })
    const documents = 'empty' in parsed ? [] : parsed
    const seen = new Set<string>()
    for (const document of documents) {
      // The first one; those behind it follow from it.
      const [error] = document.errors
      if (error !== undefined) {
        const what = error.message.includes('call stack') ? 'it is nested too deeply' : shorten(error.message)
        this.problems.push({ at: this.#at(error.pos[0]), setting: 'the file', fix: `no YAML: ${what}` })
      } else if (!isNothing(document.contents)) this.#document(document, seen)
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
    new DocumentFields(document, known.fields, values, this, (offset) => this.#at(offset)).read(contents)
  }

  #at(offset: number | undefined): string {
    return offset === undefined ? this.#name : `${this.#name}:${this.#lines.linePos(offset).line}`
  }
}
