import type { SetDeclaration } from './layout.ts'

/** One field: an address, range, protocol or chain as text; a port, slot or number as a number. */
export type Datum = string | number

export interface Element {
  readonly key: readonly Datum[]
  /** Absent in a set. */
  readonly value?: readonly Datum[]
}

/** Identifies an element within its set. */
export function keyText(key: readonly Datum[]): string {
  return key.join('|')
}

export function sameValue(a: Element, b: Element): boolean {
  return keyText(a.value ?? []) === keyText(b.value ?? [])
}

/** What happens to one set's elements. All removals of a program come before all additions. */
export interface SetChanges {
  readonly set: SetDeclaration
  readonly removals: Element[]
  readonly additions: Element[]
}

/** Collects element changes by set, in the order in which sets first appear. */
export class ElementChanges {
  readonly #bySet = new Map<string, SetChanges>()
  #count = 0

  get count(): number {
    return this.#count
  }

  add(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void {
    this.#of(set).additions.push(value === undefined ? { key } : { key, value })
    this.#count++
  }

  remove(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void {
    this.#of(set).removals.push(value === undefined ? { key } : { key, value })
    this.#count++
  }

  [Symbol.iterator](): IterableIterator<SetChanges> {
    return this.#bySet.values()
  }

  #of(set: SetDeclaration): SetChanges {
    let changes = this.#bySet.get(set.name)
    if (changes === undefined) {
      changes = { set, removals: [], additions: [] }
      this.#bySet.set(set.name, changes)
    }
    return changes
  }
}
