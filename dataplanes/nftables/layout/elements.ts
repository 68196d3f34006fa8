import type { Field, SetDeclaration } from './sets.ts'

/** One field: an address, range, protocol or chain as text; a port, slot or number as a number. */
export type Datum = string | number

export interface Element {
  readonly key: readonly Datum[]
  /** Absent in a set. */
  readonly value?: readonly Datum[]
}

/** A key or value as one string; identifies an element within its set. */
export function dataText(data: readonly Datum[]): string {
  return data.join('|')
}

/** What {@link dataText} wrote, read back as the fields that it had. */
export function readDataText(text: string, fields: readonly Field[]): Datum[] {
  return text.split('|').map((part, index) => {
    const field = fields[index]
    return field === 'port' || field === 'slot' || field === 'number' ? Number(part) : part
  })
}

/** What happens to one set's elements. All removals of a program come before all additions. */
export interface SetChanges {
  readonly set: SetDeclaration
  readonly removals: Element[]
  readonly additions: Element[]
}

/** Takes elements that are to come or to go. */
export interface ElementSink {
  add(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void
  remove(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void
}

/** Collects element changes by set, in the order in which sets first appear. */
export class ElementChanges implements ElementSink {
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
