import type { BpfMap, BpfObject } from '@portolan/native/libbpf'
import { structs } from '../layout/structures.ts'
import { isStaleAffinity, isStaleFlow, type Lookup, type Remembered } from './stale-connections.ts'

/** Entries looked at each time: some milliseconds. */
const batch = 2000

/** Between two looks: 8,000 entries a second while nothing has happened, 80,000 after an endpoint was removed. */
const pause = { usual: 250, hurried: 25 }

/**
 * Deletes flows and affinity entries that have expired or lead to an endpoint which has gone, some at a time: the maps
 * forget the least recently used when they are full, and these should be what goes.
 */
export class ConnectionSweep {
  readonly #object: BpfObject
  readonly #lookup: Lookup
  #timer: NodeJS.Timeout
  #work: Generator<void>
  #hurried = false
  /** Something was removed since the pass under way began. */
  #again = false

  constructor(object: BpfObject) {
    this.#object = object
    this.#lookup = lookupIn(object)
    this.#work = this.#all()
    this.#timer = this.#after(pause.usual)
  }

  /**
   * An endpoint was removed. The pass under way goes on, for else it would never reach the end where endpoints are
   * removed all the time, and is followed by one that sees everything.
   */
  hurry(): void {
    this.#again = true
    if (this.#hurried) return
    this.#hurried = true
    clearTimeout(this.#timer)
    this.#timer = this.#after(pause.hurried)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #after(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.#step(), milliseconds).unref()
  }

  #step(): void {
    try {
      if (this.#work.next().done === true) {
        this.#work = this.#all()
        this.#hurried = this.#again
        this.#again = false
      }
    } catch {
      // A map that changes while it is read: from the start again.
      this.#work = this.#all()
    }
    this.#timer = this.#after(this.#hurried ? pause.hurried : pause.usual)
  }

  /** Once through both maps, with a break after each batch. */
  *#all(): Generator<void> {
    yield* this.#through(this.#object.map('affinities'), isStaleAffinity)
    yield* this.#through(this.#object.map('flows'), isStaleFlow)
  }

  *#through(map: BpfMap, isStale: (one: Remembered, lookup: Lookup) => boolean): Generator<void> {
    for (const { keys, values, count } of map.batches(batch)) {
      const now = process.hrtime.bigint()
      for (let index = 0; index < count; index++) {
        const key = keys.subarray(index * map.keySize, (index + 1) * map.keySize)
        const value = values.subarray(index * map.valueSize, (index + 1) * map.valueSize)
        if (!isStale({ key, value, now }, this.#lookup)) continue
        // It may have come to life again since the batch was read.
        const again = map.get(key)
        if (again !== undefined && isStale({ key, value: again, now }, this.#lookup)) map.delete(key)
      }
      yield
    }
  }
}

function lookupIn(object: BpfObject): Lookup {
  const [members, flows, services] = [object.map('members'), object.map('flows'), object.map('services')]
  const number = Buffer.alloc(4)
  return {
    isMember: (key) => members.get(key) !== undefined,
    flow: (key) => flows.get(key),
    affinitySeconds(service) {
      number.writeUInt32LE(service, 0)
      return services.get(number)?.readUInt32LE(structs.service.at.affinity_seconds) ?? 0
    },
  }
}
