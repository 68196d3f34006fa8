import { constants } from 'node:os'
import { readMapInfo } from './info.ts'
import { BpfError, bpfCall, tryBpfCall } from './library.ts'

/** Elements in one system call: enough that the call itself costs nothing, few enough not to hold the kernel long. */
const batchSize = 16_384

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
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number

  constructor(name: string, fd: number) {
    this.name = name
    this.fd = fd
    const info = readMapInfo(fd)
    this.keySize = info.keySize
    this.valueSize = info.valueSize
    this.maxEntries = info.maxEntries
  }

  /** Sets one element. @throws BpfError E2BIG or ENOSPC: the map is full */
  set(key: Buffer, value: Buffer): void {
    const result = tryBpfCall('bpf_map_update_elem', this.fd, key, value, 0)
    if (result < 0) throw new BpfError(`set an element of map ${this.name}`, -result)
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

  /** Sets so many elements, keys and values one after the other. @throws BpfError, with some of them set */
  setMany(keys: Buffer, values: Buffer, count: number): void {
    this.#inBatches(count, (from, size, counter) => {
      const [batchKeys, batchValues] = [
        keys.subarray(from * this.keySize, (from + size) * this.keySize),
        values.subarray(from * this.valueSize, (from + size) * this.valueSize),
      ]
      bpfCall(
        'bpf_map_update_batch',
        `set ${size} elements of map ${this.name}`,
        this.fd,
        batchKeys,
        batchValues,
        counter,
        batchOptions,
      )
    })
  }

  /**
   * All elements, as they are while this reads: those that are set or deleted meanwhile may be missing or come twice.
   * The buffers are views that are valid until the next step.
   */
  *entries(): Generator<{ readonly key: Buffer; readonly value: Buffer }> {
    const keys = Buffer.alloc(batchSize * this.keySize)
    const values = Buffer.alloc(batchSize * this.valueSize)
    // Where to go on: an opaque value of the kernel's, at most as large as a key but at least 4 bytes.
    let [from, next] = [Buffer.alloc(0), Buffer.alloc(Math.max(this.keySize, 4))]
    const count = Buffer.alloc(4)
    for (;;) {
      count.writeUInt32LE(batchSize, 0)
      const start = from.length === 0 ? null : from
      const result = tryBpfCall(
        'bpf_map_lookup_batch',
        this.fd,
        start,
        next,
        keys,
        values,
        count,
        batchOptions,
      )
      const last = result === -constants.errno.ENOENT
      if (result < 0 && !last) throw new BpfError(`read map ${this.name}`, -result)
      const read = count.readUInt32LE(0)
      for (let index = 0; index < read; index++) {
        yield {
          key: keys.subarray(index * this.keySize, (index + 1) * this.keySize),
          value: values.subarray(index * this.valueSize, (index + 1) * this.valueSize),
        }
      }
      if (last) return
      ;[from, next] = [next, from.length === 0 ? Buffer.alloc(next.length) : from]
    }
  }

  #inBatches(count: number, act: (from: number, size: number, counter: Buffer) => void): void {
    const counter = Buffer.alloc(4)
    for (let from = 0; from < count; from += batchSize) {
      const size = Math.min(batchSize, count - from)
      counter.writeUInt32LE(size, 0)
      act(from, size, counter)
    }
  }
}
