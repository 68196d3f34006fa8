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

/** Elements of a list that stand in one array. */
const chunkElements = 2048

/**
 * Elements of one set. Their fields stand one after the other: a first load has a million elements, and objects for each
 * would take four times the memory. In several arrays, for one that grows leaves as much behind as it holds.
 */
export class ElementList implements Iterable<Element> {
  readonly #keyFields: number
  readonly #fields: number
  /** Where an element has no value, its value's fields are `undefined`. */
  readonly #chunks: (Datum | undefined)[][] = []
  #length = 0

  constructor({ key, value }: SetDeclaration) {
    this.#keyFields = key.length
    this.#fields = key.length + (value?.length ?? 0)
  }

  get length(): number {
    return this.#length
  }

  /** @param key as many fields as the set's, as `value`, where there is one */
  push(key: readonly Datum[], value?: readonly Datum[]): void {
    const fields = this.#fields
    const keyFields = this.#keyFields
    const chunk = this.#chunkOfNext()
    const first = (this.#length % chunkElements) * fields
    for (let field = 0; field < keyFields; field++) chunk[first + field] = key[field]
    for (let field = keyFields; field < fields; field++) chunk[first + field] = value?.[field - keyFields]
    this.#length++
  }

  /** A field of an element: those of its key, then those of its value; `undefined`: it has no value. */
  field(index: number, field: number): Datum | undefined {
    return this.#chunks[Math.floor(index / chunkElements)]?.[(index % chunkElements) * this.#fields + field]
  }

  /** `undefined` beyond the last one. */
  at(index: number): Element | undefined {
    if (index >= this.#length) return undefined
    const read = (from: number, to: number) => {
      const data: Datum[] = []
      for (let field = from; field < to; field++) data.push(this.field(index, field) as Datum)
      return data
    }
    const key = read(0, this.#keyFields)
    const hasValue = this.#fields > this.#keyFields && this.field(index, this.#keyFields) !== undefined
    return hasValue ? { key, value: read(this.#keyFields, this.#fields) } : { key }
  }

  *[Symbol.iterator](): Generator<Element> {
    for (let index = 0; index < this.#length; index++) {
      const element = this.at(index)
      if (element !== undefined) yield element
    }
  }

  /** The first one grows, for most lists are short; all others are as long as they will be. */
  #chunkOfNext(): (Datum | undefined)[] {
    const chunk = this.#chunks[Math.floor(this.#length / chunkElements)]
    if (chunk !== undefined) return chunk
    const next = this.#length === 0 ? [] : new Array<Datum | undefined>(chunkElements * this.#fields)
    this.#chunks.push(next)
    return next
  }
}

/** What happens to one set's elements. All removals of a program come before all additions. */
export interface SetChanges {
  readonly set: SetDeclaration
  readonly removals: ElementList
  readonly additions: ElementList
}

/** Takes elements that are to come or to go: their fields, and not the arrays that hold them. */
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
    this.#of(set).additions.push(key, value)
    this.#count++
  }

  remove(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): void {
    this.#of(set).removals.push(key, value)
    this.#count++
  }

  [Symbol.iterator](): IterableIterator<SetChanges> {
    return this.#bySet.values()
  }

  #of(set: SetDeclaration): SetChanges {
    let changes = this.#bySet.get(set.name)
    if (changes === undefined) {
      changes = { set, removals: new ElementList(set), additions: new ElementList(set) }
      this.#bySet.set(set.name, changes)
    }
    return changes
  }
}
