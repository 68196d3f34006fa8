import { elementText } from '../layout/element-text.ts'
import {
  type Datum,
  dataText,
  ElementChanges,
  type ElementList,
  type ElementSink,
  readDataText,
} from '../layout/elements.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { findSet, type SetDeclaration } from '../layout/sets.ts'

/**
 * Takes every element that a table wants and keeps only what the kernel lacks or has otherwise: of a million elements
 * that are there, none is collected.
 */
export class ObservedComparison implements ElementSink {
  readonly #observedState: ObservedState
  readonly #changes = new ElementChanges()
  /** Keys that are wanted, by set name. */
  readonly #wanted = new Map<string, Set<string>>()

  constructor(observedState: ObservedState) {
    this.#observedState = observedState
  }

  add(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void {
    const text = dataText(key)
    this.#wantedOf(set).add(text)
    const old = this.#observedState.elements.get(set.name)?.get(text)
    if (old !== undefined && old === dataText(value ?? [])) return
    if (old !== undefined) this.#changes.remove(set, key, readDataText(old, set.value ?? []))
    this.#changes.add(set, key, value)
  }

  /** A whole table wants nothing removed; what it doesn't name goes with {@link finish}. */
  remove(): void {}

  /** What leads from the held elements to the wanted ones. */
  finish(): ElementChanges {
    for (const [name, there] of this.#observedState.elements) {
      const set = findSet(name)
      if (set === undefined || set.kind === 'static') continue
      const wanted = this.#wanted.get(name)
      for (const [key, value] of there) {
        if (wanted?.has(key)) continue
        const old = set.value === undefined ? undefined : readDataText(value, set.value)
        this.#changes.remove(set, readDataText(key, set.key), old)
      }
    }
    return this.#changes
  }

  #wantedOf(set: SetDeclaration): Set<string> {
    let keys = this.#wanted.get(set.name)
    if (keys === undefined) {
      keys = new Set()
      this.#wanted.set(set.name, keys)
    }
    return keys
  }
}

/** A line for each set that differs. */
export function describeElements(changes: ElementChanges): string[] {
  return [...changes].map(({ set, removals, additions }) => {
    const text = (elements: ElementList) => {
      const only = elements.length === 1 ? elements.at(0) : undefined
      return only === undefined ? `${elements.length} elements` : `{ ${elementText(set, only)} }`
    }
    const parts = [
      ...(removals.length > 0 ? [`has ${text(removals)} too many`] : []),
      ...(additions.length > 0 ? [`lacks ${text(additions)}`] : []),
    ]
    return `${set.name} ${parts.join(' and ')}`
  })
}
