import { type SetKind, setKinds } from '../layout/sets.ts'
import type { ElementSink } from './set-elements.ts'

/** What comes and goes in one set; an element never does both. */
export interface ElementEdits {
  readonly added: ReadonlySet<string>
  readonly removed: ReadonlySet<string>
}

/**
 * Collects what comes and goes. What one route gives up and another takes stays where it is, in whatever order they
 * say so; what stood before and stands after is no edit.
 */
export class ElementEditor implements ElementSink {
  readonly #added = new Map<SetKind, Set<string>>()
  readonly #removed = new Map<SetKind, Set<string>>()

  add(kind: SetKind, element: string): void {
    collect(this.#added, kind, element)
  }

  remove(kind: SetKind, element: string): void {
    collect(this.#removed, kind, element)
  }

  finish(): ReadonlyMap<SetKind, ElementEdits> {
    const edits = new Map<SetKind, ElementEdits>()
    for (const kind of setKinds) {
      const difference = differenceOf(this.#removed.get(kind), this.#added.get(kind))
      if (difference !== undefined) edits.set(kind, difference)
    }
    return edits
  }
}

function collect(into: Map<SetKind, Set<string>>, kind: SetKind, element: string): void {
  const elements = into.get(kind)
  if (elements === undefined) into.set(kind, new Set([element]))
  else elements.add(element)
}

/** What leads from one set of elements to another; `undefined`: nothing. */
export function differenceOf(
  before: ReadonlySet<string> | undefined,
  after: ReadonlySet<string> | undefined,
): ElementEdits | undefined {
  const added = new Set([...(after ?? [])].filter((element) => before?.has(element) !== true))
  const removed = new Set([...(before ?? [])].filter((element) => after?.has(element) !== true))
  return added.size + removed.size > 0 ? { added, removed } : undefined
}
