import type { BpfMap } from '@portolan/native/libbpf'

/** Below this, one call for each element is as fast as a batch. */
const fewest = 8

/** Elements that there is room for from the start; what a large load has made grow is let go again. */
const usualRoom = 64

/** What an element is for: the index of a route in its program, or the node as a whole. */
export type Owner = number
export const ofNode: Owner = -1

/**
 * Elements of one map on their way into it. They are written in place: {@link add} makes the next one, zeroed, at
 * `keyAt` of `keys` and `valueAt` of `values`, so that a large load makes no object for each.
 */
export class ElementBatch {
  readonly map: BpfMap
  keys: Buffer
  values: Buffer
  keyAt = 0
  valueAt = 0
  #owners: Int32Array
  #count = 0

  constructor(map: BpfMap) {
    this.map = map
    this.keys = Buffer.alloc(usualRoom * map.keySize)
    this.values = Buffer.alloc(usualRoom * map.valueSize)
    this.#owners = new Int32Array(usualRoom)
  }

  /** Makes room for so many elements at once. */
  expect(count: number): void {
    if (count > this.#owners.length) this.#resize(count)
  }

  add(owner: Owner): void {
    if (this.#count === this.#owners.length) this.#resize(this.#count * 2)
    this.keyAt = this.#count * this.map.keySize
    this.valueAt = this.#count * this.map.valueSize
    this.#owners[this.#count++] = owner
  }

  /** Views that are valid until the next change. */
  *allKeys(): Generator<Buffer> {
    const { keySize } = this.map
    for (let index = 0; index < this.#count; index++)
      yield this.keys.subarray(index * keySize, (index + 1) * keySize)
  }

  /**
   * Hands everything to the kernel. @returns how many bytes that were
   *
   * @param refused told of each element for which the map has no room; all others are set
   * @throws BpfError for any other reason
   */
  flush(refused: (owner: Owner) => void): number {
    const { keySize, valueSize } = this.map
    const count = this.#count
    if (count === 0) return 0
    for (let from = 0; from < count; ) {
      from += this.#setSome(from, count)
      if (from < count) refused(this.#owners[from++] ?? ofNode)
    }
    this.clear()
    return count * (keySize + valueSize)
  }

  /** Forgets what hasn't been handed over: a program that failed halfway must leave nothing to the next one. */
  clear(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    if (this.#owners.length > 16 * usualRoom) this.#resize(usualRoom)
    else {
      this.keys.fill(0, 0, count * this.map.keySize)
      this.values.fill(0, 0, count * this.map.valueSize)
    }
  }

  /** @returns how many it set before the end, or before one that there was no room for */
  #setSome(from: number, end: number): number {
    const { keySize, valueSize } = this.map
    if (end - from >= fewest)
      return this.map.setMany(
        this.keys.subarray(from * keySize),
        this.values.subarray(from * valueSize),
        end - from,
      )
    for (let index = from; index < end; index++) {
      const key = this.keys.subarray(index * keySize, (index + 1) * keySize)
      const value = this.values.subarray(index * valueSize, (index + 1) * valueSize)
      if (!this.map.setIfRoom(key, value)) return index - from
    }
    return end - from
  }

  #resize(room: number): void {
    const [keys, values, owners] = [this.keys, this.values, this.#owners]
    this.keys = Buffer.alloc(room * this.map.keySize)
    this.values = Buffer.alloc(room * this.map.valueSize)
    this.#owners = new Int32Array(room)
    if (this.#count === 0) return
    keys.copy(this.keys)
    values.copy(this.values)
    this.#owners.set(owners)
  }
}
