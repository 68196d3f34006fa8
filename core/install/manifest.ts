import { Document, isNode, visit } from 'yaml'

/** One object to apply, with what its reader is told. */
export interface Manifest {
  readonly object: Readonly<Record<string, unknown>>
  /** By dotted paths into the object (`rules.0`); '': before all of it. */
  readonly comments?: Readonly<Record<string, string>>
}

/** Columns of a line, at which comments are broken. */
const width = 110

/** The YAML of all of them, one document each. */
export function printManifests(manifests: readonly Manifest[]): string {
  return manifests.map(printManifest).join('---\n')
}

function printManifest({ object, comments = {} }: Manifest): string {
  // kubectl reads YAML 1.1, in which yes, on and 1:30 are no text without quotes.
  const document = new Document(object, { aliasDuplicateObjects: false, version: '1.1' })
  for (const [path, text] of Object.entries(comments)) {
    const keys = path.split('.')
    const comment = wrapped(text)
    if (path === '') document.commentBefore = comment
    else commentBefore(document, keys, comment)
  }
  // Lists of words on one line, as people write them.
  visit(document, {
    Seq(_, node) {
      if (node.items.every((item) => isNode(item) && 'value' in item && String(item.value).length < 30))
        node.flow = node.items.length > 0
    },
  })
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** Before a key, or before an item of a list. */
function commentBefore(document: Document, keys: readonly string[], comment: string): void {
  const last = keys.at(-1) ?? ''
  const parent = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true)
  const { items = [] } = (parent ?? {}) as { readonly items?: readonly unknown[] }
  const item = /^\d+$/.test(last)
    ? items[Number(last)]
    : items.find((one) => (one as { key?: { value?: unknown } }).key?.value === last)
  const node = ((item as { key?: unknown } | undefined)?.key ?? item) as
    | { commentBefore?: string }
    | undefined
  if (node === undefined) throw new Error(`no ${keys.join('.')} in the manifest`)
  node.commentBefore = comment
}

function wrapped(text: string): string {
  const lines: string[] = []
  for (const line of text.split('\n')) {
    let current = ''
    for (const word of line.split(' ')) {
      if (current.length + word.length + 1 > width) {
        lines.push(current)
        current = ''
      }
      current += ` ${word}`
    }
    lines.push(current)
  }
  return lines.join('\n')
}
