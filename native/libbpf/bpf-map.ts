import { constants } from 'node:os'
import { call } from '../libc.ts'
import { readMapInfo } from './info.ts'
import { BpfError, openPin, tryBpfCall } from './library.ts'

/** Elements in one system call: enough that the call itself costs nothing, few enough not to hold the kernel long. */
const batchSize = 16_384

/** BPF_NOEXIST */
const onlyNew = 1

/** Options of batch calls (struct bpf_map_batch_opts): its own size, then flags. */
const batchOptions = Buffer.alloc(24)
batchOptions.writeBigUInt64LE(24n, 0)

/**
 * A map of the kernel. Keys and values are raw bytes in the map's own sizes; per-CPU maps are not for this class.
 * All calls are synchronous: one element costs a microsecond, 100,000 in batches some tens of milliseconds.
 */
export class BpfMap {
  readonly name: string
  readonly fd: number
  /** The kernel's number for it. */
  readonly id: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number

  constructor(name: string, fd: number) {
    this.name = name
    this.fd = fd
    const info = readMapInfo(fd)
    this.id = info.id
    this.keySize = info.keySize
    this.valueSize = info.valueSize
    this.maxEntries = info.maxEntries
  }

  /** Sets one element. @throws BpfError E2BIG or ENOSPC: the map is full */
  set(key: Buffer, value: Buffer): void {
    const result = tryBpfCall('bpf_map_update_elem', this.fd, key, value, 0)
    if (result < 0) throw new BpfError(`set an element of map ${this.name}`, -result)
  }

  /** One that is pinned; {@link close} it. @throws BpfError ENOENT */
  static openPinned(name: string, path: string): BpfMap {
    return new BpfMap(name, openPin(path))
  }

  /** Of a map that was opened by itself: those of an object go with it. */
  close(): void {
    call('close', `close map ${this.name}`, this.fd)
  }

  /** Sets an element that isn't there yet; false: it is, or there is no room. @throws BpfError */
  setNew(key: Buffer, value: Buffer): boolean {
    const result = tryBpfCall('bpf_map_update_elem', this.fd, key, value, onlyNew)
    if (result === -constants.errno.EEXIST || isFull(result)) return false
    if (result < 0) throw new BpfError(`set an element of map ${this.name}`, -result)
    return true
  }

  /** Sets one element; false: the map is full. @throws BpfError for any other reason */
  setIfRoom(key: Buffer, value: Buffer): boolean {
    const result = tryBpfCall('bpf_map_update_elem', this.fd, key, value, 0)
    if (isFull(result)) return false
    if (result < 0) throw new BpfError(`set an element of map ${this.name}`, -result)
    return true
  }

  /** The element's value, or `undefined`. */
  get(key: Buffer): Buffer | undefined {
    const value = Buffer.alloc(this.valueSize)
    const result = tryBpfCall('bpf_map_lookup_elem', this.fd, key, value)
    if (result === -constants.errno.ENOENT) return undefined
    if (result < 0) throw new BpfError(`read an element of map ${this.name}`, -result)
    return value
  }

  /** Whether there was such an element. */
  delete(key: Buffer): boolean {
    const result = tryBpfCall('bpf_map_delete_elem', this.fd, key)
    if (result === -constants.errno.ENOENT) return false
    if (result < 0) throw new BpfError(`delete an element of map ${this.name}`, -result)
    return true
  }

  /**
   * Sets so many elements, keys and values one after the other.
   *
   * @returns how many were set: fewer when the map has no room for the next one
   * @throws BpfError for any other reason, with some of them set
   */
  setMany(keys: Buffer, values: Buffer, count: number): number {
    const counter = Buffer.alloc(4)
    for (let from = 0; from < count; from += batchSize) {
      const size = Math.min(batchSize, count - from)
      counter.writeUInt32LE(size, 0)
      const result = tryBpfCall(
        'bpf_map_update_batch',
        this.fd,
        keys.subarray(from * this.keySize, (from + size) * this.keySize),
        values.subarray(from * this.valueSize, (from + size) * this.valueSize),
        counter,
        batchOptions,
      )
      if (isFull(result)) return from + counter.readUInt32LE(0)
      if (result < 0) throw new BpfError(`set ${size} elements of map ${this.name}`, -result)
    }
    return count
  }

  /** Whether it has no element. */
  get isEmpty(): boolean {
    for (const { count } of this.batches()) return count === 0
    return true
  }

  /**
   * All elements, as they are while this reads: those that are set or deleted meanwhile may be missing or come twice.
   * The buffers are views that are valid until the next step.
   */
  *entries(): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
    for (const { keys, values, count } of this.batches()) {
      for (let index = 0; index < count; index++) {
        yield {
          key: keys.subarray(index * this.keySize, (index + 1) * this.keySize),
          value: values.subarray(index * this.valueSize, (index + 1) * this.valueSize),
        }
      }
    }
  }

  /**
   * The same, as many elements at a time as the kernel gives: keys and values one after the other.
   *
   * @param size more than elements of a hash map may share a bucket: the kernel gives whole buckets, or refuses (ENOSPC)
   */
  *batches(size = batchSize): Generator<ElementsRead> {
    const keys = Buffer.alloc(size * this.keySize)
    const values = Buffer.alloc(size * this.valueSize)
    // Where to go on: an opaque value of the kernel's, at most as large as a key but at least 4 bytes.
    let [from, next] = [Buffer.alloc(0), Buffer.alloc(Math.max(this.keySize, 4))]
    const counter = Buffer.alloc(4)
    for (;;) {
      counter.writeUInt32LE(size, 0)
      const start = from.length === 0 ? null : from
      const result = tryBpfCall(
        'bpf_map_lookup_batch',
        this.fd,
        start,
        next,
        keys,
        values,
        counter,
        batchOptions,
      )
      const last = result === -constants.errno.ENOENT
      if (result < 0 && !last) throw new BpfError(`read map ${this.name}`, -result)
      yield { keys, values, count: counter.readUInt32LE(0) }
      if (last) return
      ;[from, next] = [next, from.length === 0 ? Buffer.alloc(next.length) : from]
    }
  }

  /** Values of an array's first elements, one after the other. */
  firstValues(count: number): Buffer {
    const all = Buffer.alloc(count * this.valueSize)
    let read = 0
    if (count === 0) return all
    for (const { values, count: some } of this.batches(Math.min(count, batchSize))) {
      const wanted = Math.min(some, count - read)
      values.copy(all, read * this.valueSize, 0, wanted * this.valueSize)
      read += wanted
      if (read === count) break
    }
    return all
  }
}

export interface ElementsRead {
  readonly keys: Buffer
  readonly values: Buffer
  readonly count: number
}

/** A hash map says E2BIG, a trie ENOSPC, and an array E2BIG to a key past its end. */
function isFull(result: number): boolean {
  return result === -constants.errno.E2BIG || result === -constants.errno.ENOSPC
}
