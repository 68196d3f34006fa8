import { existsSync } from 'node:fs'
import { BpfError, BpfMap, type BpfObject, readMapLayout } from '@portolan/native/libbpf'
import { type Conversion, conversionOf, convert } from '../layout/layout-change.ts'
import { allMaps, connectionMaps, type MapName } from '../layout/maps.ts'
import { structs } from '../layout/structures.ts'

/** What is lost with the entries of a map that can't be taken over; of others the table has everything. */
const consequences: Partial<Record<MapName, string>> = {
  flows: 'connections through NodePorts and load balancer addresses that are open may break',
  untranslated:
    'answers to what this node or its pods have asked from the port of a Service may come to the Service',
  affinities: 'clients may come to another endpoint than before',
  fragments: 'datagrams that are under way in pieces are lost',
  peers: 'sockets that are open see the address of their endpoint instead of the one they asked for',
  choices: 'unconnected UDP sockets may come to another endpoint than before',
}

/**
 * Takes over what the maps of another version, or of other sizes, hold: tables, so that nothing is missing when the
 * programs are replaced, whichever family is applied first; and connections, which could not be learnt anew.
 */
export class CarryOver {
  readonly #directory: string
  readonly #object: BpfObject

  constructor(directory: string, object: BpfObject) {
    this.#directory = directory
    this.#object = object
  }

  /** Copies everything, while the programs still use the old maps, and none the new ones. @returns what was lost, in sentences */
  begin(): string[] {
    return allMaps.flatMap((name) => this.#copy(name) ?? [])
  }

  /**
   * Connections once more, right before the programs use the new maps: packets of those that came up in the meantime would
   * meet programs that don't know them, and of others the state has changed.
   */
  renew(): void {
    for (const name of connectionMaps) this.#copy(name)
  }

  /** Connections of the last moment, once the programs use the new maps: what these have already is newer. */
  follow(): void {
    for (const name of connectionMaps) {
      this.#with(name, (old, map, key, value) => {
        for (const element of old.entries()) {
          const converted = { key: Buffer.alloc(map.keySize), value: Buffer.alloc(map.valueSize) }
          convert(key, element.key, converted.key, 0)
          convert(value, element.value, converted.value, 0)
          map.setNew(converted.key, converted.value)
        }
      })
    }
  }

  #copy(name: MapName): string | undefined {
    const consequence = consequences[name]
    let entries = 0
    const copied = this.#with(name, (old, map, key, value) => {
      const limit = isArray[name] === true ? Math.min(this.#usedOf(name, old), map.maxEntries) : Infinity
      for (const { keys, values, count } of old.batches()) {
        const some = Math.min(count, limit - entries)
        const to = { keys: Buffer.alloc(some * key.size), values: Buffer.alloc(some * value.size) }
        for (let index = 0; index < some; index++) {
          convert(key, keys.subarray(index * old.keySize), to.keys, index * key.size)
          convert(value, values.subarray(index * old.valueSize), to.values, index * value.size)
        }
        map.setMany(to.keys, to.values, some)
        entries += some
        if (entries === limit) break
      }
      if (consequence === undefined || entries <= map.maxEntries) return undefined
      return `map ${name} has room for ${map.maxEntries} of ${entries} entries only: ${consequence}`
    })
    if (copied !== 'impossible') return copied
    return consequence === undefined
      ? undefined
      : `the entries of map ${name} are of another version and can't be taken over: ${consequence}`
  }

  /** Calls with the old and new map, and how the one's elements become the other's. */
  #with<Result>(
    name: MapName,
    run: (old: BpfMap, map: BpfMap, key: Conversion, value: Conversion) => Result,
  ): Result | 'impossible' | undefined {
    const path = `${this.#directory}/${name}`
    if (!existsSync(path)) return undefined
    const old = openOld(name, path)
    if (old === undefined) return 'impossible'
    try {
      const map = this.#object.map(name)
      const [before, now] = [readMapLayout(old), readMapLayout(map)]
      const key = conversionOf(before.key, now.key, 'key')
      const value = conversionOf(before.value, now.value, 'value')
      return key === undefined || value === undefined ? 'impossible' : run(old, map, key, value)
    } finally {
      old.close()
    }
  }

  /** How many of an array's elements are in use: the map of endpoints has room for millions. */
  #usedOf(name: MapName, old: BpfMap): number {
    if (name !== 'endpoints') return old.maxEntries
    const map = this.#object.map('services')
    const services = map.firstValues(map.maxEntries)
    let last = 0
    for (let at = 0; at < services.length; at += structs.service.size) {
      const word = at + structs.service.at.word
      const count = services.readUInt16LE(word + 4) + services.readUInt16LE(word + 6)
      last = Math.max(last, services.readUInt32LE(word) + count)
    }
    return Math.min(last, old.maxEntries)
  }
}

/** @returns `undefined`: what is pinned there is no map, or isn't pinned at all but a directory */
function openOld(name: MapName, path: string): BpfMap | undefined {
  try {
    return BpfMap.openPinned(name, path)
  } catch (error) {
    if (error instanceof BpfError) return undefined
    throw error
  }
}

const isArray: Partial<Record<MapName, boolean>> = { services: true, endpoints: true, node_settings: true }
