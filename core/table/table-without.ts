import type { RoutingTable } from './routing-table.ts'
import type { ServiceRoute } from './service-route.ts'

/** The table as if some of its routes weren't there. A view: it costs nothing to make and follows the table. */
export function tableWithout(table: RoutingTable, isLeftOut: (route: ServiceRoute) => boolean): RoutingTable {
  const isLeftOutByKey = (key: ServiceRoute['key']): boolean => {
    const route = table.routes.get(key)
    return route !== undefined && isLeftOut(route)
  }
  return {
    ...table,
    routes: new FilteredMap(table.routes, (route) => !isLeftOut(route)),
    frontends: new FilteredMap(table.frontends, (key) => !isLeftOutByKey(key)),
  }
}

/** A map without the entries whose value isn't wanted. */
class FilteredMap<Key, Value> implements ReadonlyMap<Key, Value> {
  readonly #all: ReadonlyMap<Key, Value>
  readonly #isWanted: (value: Value) => boolean

  constructor(all: ReadonlyMap<Key, Value>, isWanted: (value: Value) => boolean) {
    this.#all = all
    this.#isWanted = isWanted
  }

  get(key: Key): Value | undefined {
    const value = this.#all.get(key)
    return value !== undefined && this.#isWanted(value) ? value : undefined
  }

  has(key: Key): boolean {
    return this.get(key) !== undefined
  }

  /** Counts every entry. */
  get size(): number {
    let size = 0
    for (const value of this.#all.values()) if (this.#isWanted(value)) size++
    return size
  }

  forEach(task: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void): void {
    for (const [key, value] of this) task(value, key, this)
  }

  *entries(): MapIterator<[Key, Value]> {
    for (const entry of this.#all) if (this.#isWanted(entry[1])) yield entry
  }

  *keys(): MapIterator<Key> {
    for (const [key] of this.entries()) yield key
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries()
  }
}
