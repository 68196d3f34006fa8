import { unlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import koffi from 'koffi'
import { call } from '../libc.ts'
import { BpfMap } from './bpf-map.ts'
import { type BtfStruct, readBtfStructs } from './btf.ts'
import { makePinDirectory } from './file-system.ts'
import { type ProgramInfo, readProgramInfo } from './info.ts'
import { BpfError, bpfCall, libbpf, tryBpfCall } from './library.ts'

/** How much of the verifier's log is kept: its end says why. */
const logTail = 3000

/**
 * A signal that is pending while the kernel verifies a program ends that with EAGAIN. libbpf tries a few times at once;
 * on a busy machine, with many children that end, that was seen not to be enough. Here whole loads, with growing pauses.
 */
const maxAttempts = 20
const pauseMs = 2

export interface BpfProgram extends ProgramInfo {
  readonly name: string
  readonly fd: number
}

export interface LoadOptions {
  /** Names of the maps. */
  readonly maps: readonly string[]
  readonly programs: readonly string[]
  /** Sizes other than those that the source gives, by map: number of elements. */
  readonly sizes?: Readonly<Record<string, number>>
  /** Where maps may be pinned: one that is there is used, with all it holds. Nothing is pinned by loading. */
  readonly pinDirectory?: string
  /** Maps of others to use instead of making new ones: where they are pinned, by map. */
  readonly reuse?: Readonly<Record<string, string>>
}

/** The programs and maps of an object file that clang has made, loaded into the kernel. */
export class BpfObject {
  readonly #handle: unknown
  readonly maps: ReadonlyMap<string, BpfMap>
  readonly programs: ReadonlyMap<string, BpfProgram>

  private constructor(
    handle: unknown,
    maps: ReadonlyMap<string, BpfMap>,
    programs: ReadonlyMap<string, BpfProgram>,
  ) {
    this.#handle = handle
    this.maps = maps
    this.programs = programs
  }

  /**
   * Loads an object file's bytes. Attaches nothing.
   *
   * @throws BpfError with the verifier's log when a program is refused; EPERM: needs CAP_BPF and CAP_NET_ADMIN;
   *   EINVAL for a pinned map of another layout
   */
  static async load(bytes: Buffer, options: LoadOptions): Promise<BpfObject> {
    for (let attempt = 1; ; attempt++) {
      const loaded = BpfObject.#loadOnce(bytes, options, attempt)
      if (loaded !== undefined) return loaded
      await sleep(attempt * pauseMs)
    }
  }

  /** The same for threads that have nothing else to do: its pauses block them. */
  static loadBlocking(bytes: Buffer, options: LoadOptions): BpfObject {
    for (let attempt = 1; ; attempt++) {
      const loaded = BpfObject.#loadOnce(bytes, options, attempt)
      if (loaded !== undefined) return loaded
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, attempt * pauseMs)
    }
  }

  /** @returns `undefined`: it was interrupted, and another attempt is left */
  static #loadOnce(bytes: Buffer, options: LoadOptions, attempt: number): BpfObject | undefined {
    try {
      return BpfObject.#loadOrFail(bytes, options)
    } catch (error) {
      const interrupted = error instanceof BpfError && error.code === 'EAGAIN'
      if (!interrupted || attempt === maxAttempts) throw error
      return undefined
    }
  }

  static #loadOrFail(bytes: Buffer, options: LoadOptions): BpfObject {
    const log = Buffer.alloc(1 << 20)
    const handle = openObject(bytes, log)
    try {
      for (const name of options.maps) prepareMap(handle, name, options)
      const result = Number(libbpf().bpf_object__load(handle))
      if (result < 0) throw new BpfError('load eBPF programs', -result, endOf(log))
      const maps = new Map(
        options.maps.map((name) => {
          const fd = bpfCall('bpf_map__fd', `find map ${name}`, findMap(handle, name))
          return [name, new BpfMap(name, fd)]
        }),
      )
      const programs = new Map(
        options.programs.map((name) => {
          const program: unknown = libbpf().bpf_object__find_program_by_name(handle, name)
          if (program === null) throw new RangeError(`the object has no program ${name}`)
          const fd = bpfCall('bpf_program__fd', `find program ${name}`, program)
          return [name, { name, fd, ...readProgramInfo(fd) }]
        }),
      )
      return new BpfObject(handle, maps, programs)
    } catch (error) {
      libbpf().bpf_object__close(handle)
      throw error
    }
  }

  map(name: string): BpfMap {
    const map = this.maps.get(name)
    if (map === undefined) throw new RangeError(`no map ${name}`)
    return map
  }

  program(name: string): BpfProgram {
    const program = this.programs.get(name)
    if (program === undefined) throw new RangeError(`no program ${name}`)
    return program
  }

  /**
   * Pins the maps that aren't pinned there, as they were when this was loaded. Another's map, which was loaded at the same
   * time and pinned first, makes way: what is pinned has to be what the programs use that are attached next. The file
   * system has to be mounted and its place locked.
   */
  pin(directory: string): void {
    makePinDirectory(directory)
    for (const map of this.maps.values()) pinMap(map, `${directory}/${map.name}`)
  }

  /** Closes all file descriptors. What is pinned or attached stays. */
  close(): void {
    libbpf().bpf_object__close(this.#handle)
  }
}

/** The structures that an object file's C source declares, by name, from its BTF. Loads nothing into the kernel. */
export function readStructs(bytes: Buffer): ReadonlyMap<string, BtfStruct> {
  const handle = openObject(bytes, Buffer.alloc(4096))
  try {
    const btf: unknown = libbpf().bpf_object__btf(handle)
    const size = [0]
    const raw: unknown = libbpf().btf__raw_data(btf, size)
    return readBtfStructs(Buffer.from(koffi.decode(raw, 'uint8_t', size[0] ?? 0) as Uint8Array))
  } finally {
    libbpf().bpf_object__close(handle)
  }
}

/** struct bpf_object_open_opts, of which only the log is set. The log must stay referenced until the load. */
function openObject(bytes: Buffer, log: Buffer): unknown {
  const options = Buffer.alloc(80)
  options.writeBigUInt64LE(BigInt(options.length), 0)
  options.writeBigUInt64LE(BigInt(koffi.address(log)), 56)
  options.writeBigUInt64LE(BigInt(log.length), 64)
  const handle: unknown = libbpf().bpf_object__open_mem(bytes, bytes.length, options)
  if (handle === null) throw new BpfError('open an eBPF object', koffi.errno())
  return handle
}

function prepareMap(handle: unknown, name: string, { sizes, pinDirectory, reuse }: LoadOptions): void {
  const map = findMap(handle, name)
  const size = sizes?.[name]
  if (size !== undefined) bpfCall('bpf_map__set_max_entries', `size map ${name}`, map, size)
  const path = reuse?.[name] ?? (pinDirectory === undefined ? undefined : `${pinDirectory}/${name}`)
  if (path === undefined) return
  const fd = tryBpfCall('bpf_obj_get', path)
  if (fd === -constants.errno.ENOENT) return
  if (fd < 0) throw new BpfError(`open ${path}`, -fd)
  try {
    bpfCall('bpf_map__reuse_fd', `use ${path}`, map, fd)
  } finally {
    // libbpf has a duplicate of its own.
    call('close', 'close a map', fd)
  }
}

function findMap(handle: unknown, name: string): unknown {
  const map: unknown = libbpf().bpf_object__find_map_by_name(handle, name)
  if (map === null) throw new RangeError(`the object has no map ${name}`)
  return map
}

function pinMap({ name, fd, id }: BpfMap, path: string): void {
  const result = tryBpfCall('bpf_obj_pin', fd, path)
  if (result >= 0) return
  if (result !== -constants.errno.EEXIST) throw new BpfError(`pin ${path}`, -result)
  const there = BpfMap.openPinned(name, path)
  there.close()
  if (there.id === id) return
  unlinkSync(path)
  bpfCall('bpf_obj_pin', `pin ${path}`, fd, path)
}

function endOf(log: Buffer): string {
  const end = log.indexOf(0)
  return log.toString('utf8', Math.max(0, end - logTail), end)
}
