import { type Interference, interference } from '@portolan/conformance/convergence'
import type { BpfMap, BpfObject } from '@portolan/native/libbpf'
import type { MapName } from '../layout/maps.ts'
import { structs } from '../layout/structures.ts'

/** What a map is to the kernel. */
interface MapType {
  readonly kind: 'hash' | 'array' | 'trie'
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
}

const types = {
  frontends: {
    kind: 'hash',
    keySize: structs.frontend_key.size,
    valueSize: structs.frontend.size,
    maxEntries: 4096,
  },
  services: { kind: 'array', keySize: 4, valueSize: structs.service.size, maxEntries: 512 },
  endpoints: { kind: 'array', keySize: 4, valueSize: structs.endpoint.size, maxEntries: 8192 },
  ranges: { kind: 'trie', keySize: structs.range_key.size, valueSize: 1, maxEntries: 2048 },
  members: { kind: 'hash', keySize: structs.member_key.size, valueSize: 1, maxEntries: 4096 },
  devices: { kind: 'hash', keySize: structs.device_key.size, valueSize: structs.device.size, maxEntries: 64 },
  namespaces: { kind: 'hash', keySize: 8, valueSize: 1, maxEntries: 64 },
  node_settings: { kind: 'array', keySize: 4, valueSize: structs.settings.size, maxEntries: 2 },
} as const satisfies Partial<Record<MapName, MapType>>

/**
 * The maps that this dataplane writes, in memory: hash maps, arrays and the trie, with the kernel's rules about room. The
 * test `kernel-model.test.ts` compares them with the real kernel's.
 */
export class KernelModel {
  /** Asked around each system call. */
  interfere: Interference = interference(undefined)
  readonly maps = new Map<string, MapModel>()

  constructor() {
    for (const [name, type] of Object.entries(types)) this.maps.set(name, new MapModel(this, name, type))
  }

  /** As the dataplane knows the kernel's. */
  get object(): BpfObject {
    const map = (name: string) => {
      const found = this.maps.get(name)
      if (found === undefined) throw new RangeError(`the model has no map ${name}`)
      return found
    }
    return { map } as unknown as BpfObject
  }
}

type Modelled = Pick<
  BpfMap,
  | 'name'
  | 'keySize'
  | 'valueSize'
  | 'maxEntries'
  | 'setIfRoom'
  | 'get'
  | 'delete'
  | 'setMany'
  | 'batches'
  | 'firstValues'
>

class MapModel implements Modelled {
  readonly name: string
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  readonly #kernel: KernelModel
  readonly #kind: MapType['kind']
  /** Of a hash or trie, by key; of an array those that were set, by index. */
  readonly #elements = new Map<string, Buffer>()

  constructor(kernel: KernelModel, name: string, type: MapType) {
    this.#kernel = kernel
    this.name = name
    this.#kind = type.kind
    this.keySize = type.keySize
    this.valueSize = type.valueSize
    this.maxEntries = type.maxEntries
  }

  setIfRoom(key: Buffer, value: Buffer): boolean {
    return this.#call(() => this.#set(key, value))
  }

  get(key: Buffer): Buffer | undefined {
    const found = this.#elements.get(key.toString('latin1'))
    if (found !== undefined) return Buffer.from(found)
    const isElement = this.#kind === 'array' && key.readUInt32LE(0) < this.maxEntries
    return isElement ? Buffer.alloc(this.valueSize) : undefined
  }

  delete(key: Buffer): boolean {
    return this.#call(() => {
      if (this.#kind === 'array') throw new Error(`nothing can be deleted from the array ${this.name}`)
      return this.#elements.delete(key.toString('latin1'))
    })
  }

  setMany(keys: Buffer, values: Buffer, count: number): number {
    return this.#call(() => {
      for (let index = 0; index < count; index++) {
        const [key, value] = [
          keys.subarray(index * this.keySize, (index + 1) * this.keySize),
          values.subarray(index * this.valueSize, (index + 1) * this.valueSize),
        ]
        if (!this.#set(key, value)) return index
      }
      return count
    })
  }

  *batches(): ReturnType<BpfMap['batches']> {
    const elements = [...this.#elements]
    yield {
      keys: Buffer.concat(elements.map(([key]) => Buffer.from(key, 'latin1'))),
      values: Buffer.concat(elements.map(([, value]) => value)),
      count: elements.length,
    }
  }

  firstValues(count: number): Buffer {
    const all = Buffer.alloc(count * this.valueSize)
    for (const [key, value] of this.#elements) {
      const index = Buffer.from(key, 'latin1').readUInt32LE(0)
      if (index < count) value.copy(all, index * this.valueSize)
    }
    return all
  }

  #set(key: Buffer, value: Buffer): boolean {
    const text = key.toString('latin1', 0, this.keySize)
    if (this.#kind === 'array' ? key.readUInt32LE(0) >= this.maxEntries : this.#isFullFor(text)) return false
    this.#elements.set(text, Buffer.from(value.subarray(0, this.valueSize)))
    return true
  }

  #isFullFor(key: string): boolean {
    return this.#elements.size >= this.maxEntries && !this.#elements.has(key)
  }

  #call<Result>(work: () => Result): Result {
    this.#kernel.interfere.before()
    const result = work()
    this.#kernel.interfere.after()
    return result
  }
}
