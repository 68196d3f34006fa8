import type { BpfMap } from '@portolan/native/libbpf'

/** Below this, one call for each element is as fast as a batch. */
const fewest = 8

/** Collects elements of one map and sets them in batches. */
export class MapWriter {
  readonly #map: BpfMap
  #keys: Buffer
  #values: Buffer
  #count = 0

  constructor(map: BpfMap, expected: number) {
    this.#map = map
    const room = Math.max(expected, 4)
    this.#keys = Buffer.allocUnsafe(room * map.keySize)
    this.#values = Buffer.allocUnsafe(room * map.valueSize)
  }

  set(key: Buffer, value: Buffer): void {
    const { keySize, valueSize } = this.#map
    if ((this.#count + 1) * keySize > this.#keys.length) {
      this.#keys = grown(this.#keys)
      this.#values = grown(this.#values)
    }
    this.#keys.set(key, this.#count * keySize)
    this.#values.set(value, this.#count * valueSize)
    this.#count++
  }

  /** Hands everything to the kernel. @returns how many bytes that were. @throws BpfError */
  flush(): number {
    const { keySize, valueSize } = this.#map
    if (this.#count < fewest) {
      for (let index = 0; index < this.#count; index++) {
        this.#map.set(
          this.#keys.subarray(index * keySize, (index + 1) * keySize),
          this.#values.subarray(index * valueSize, (index + 1) * valueSize),
        )
      }
    } else {
      this.#map.setMany(this.#keys, this.#values, this.#count)
    }
    const bytes = this.#count * (keySize + valueSize)
    this.#count = 0
    return bytes
  }
}

function grown(buffer: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(buffer.length * 2)
  buffer.copy(larger)
  return larger
}
