import koffi from 'koffi'
import { call } from '../libc.ts'
import { bpfCall, tryBpfCall } from './library.ts'

/** struct bpf_prog_info, bpf_map_info and bpf_link_info: the kernel fills as much as it is given room for. */
function readInfo(fd: number, what: string): Buffer {
  return fillInfo(fd, what, Buffer.alloc(80))
}

function fillInfo(fd: number, what: string, info: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(info.length, 0)
  bpfCall('bpf_obj_get_info_by_fd', `read about ${what}`, fd, info, length)
  return info
}

export interface MapInfo {
  /** The kernel's number for it. */
  readonly id: number
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
  /** Where the kernel has its source's types, and which of them are its key's and value's; 0: nowhere. */
  readonly types: { readonly btf: number; readonly key: number; readonly value: number }
}

export function readMapInfo(fd: number): MapInfo {
  const info = readInfo(fd, 'a map')
  return {
    id: info.readUInt32LE(4),
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
    types: { btf: info.readUInt32LE(64), key: info.readUInt32LE(68), value: info.readUInt32LE(72) },
  }
}

/** The types that the kernel keeps by this number, as in a .BTF section. */
export function readTypes(number: number): Buffer {
  const fd = bpfCall('bpf_btf_get_fd_by_id', `open the types ${number}`, number)
  try {
    // Asked with no room for them, it tells their length.
    const info = readInfo(fd, 'types')
    const bytes = Buffer.alloc(info.readUInt32LE(8))
    info.fill(0)
    info.writeBigUInt64LE(BigInt(koffi.address(bytes)), 0)
    info.writeUInt32LE(bytes.length, 8)
    fillInfo(fd, 'types', info)
    return bytes
  } finally {
    call('close', 'close types', fd)
  }
}

/** Most maps that a program of ours uses. */
const maxMaps = 64

/** A program as the kernel has it. */
export interface ProgramInfo {
  /** The kernel's number for it. */
  readonly id: number
  /** A hash of its instructions, in hex: the same program loaded again has the same. */
  readonly tag: string
  /** Numbers of the maps that it uses. */
  readonly maps: readonly number[]
}

export function readProgramInfo(fd: number): ProgramInfo {
  const maps = Buffer.alloc(maxMaps * 4)
  const info = Buffer.alloc(80)
  info.writeUInt32LE(maxMaps, 52)
  info.writeBigUInt64LE(BigInt(koffi.address(maps)), 56)
  fillInfo(fd, 'a program', info)
  const count = Math.min(info.readUInt32LE(52), maxMaps)
  return {
    id: info.readUInt32LE(4),
    tag: info.toString('hex', 8, 16),
    maps: Array.from({ length: count }, (_, index) => maps.readUInt32LE(index * 4)),
  }
}

/** The same by the program's number; `undefined`: there is none any more. */
export function readProgramInfoOf(id: number): ProgramInfo | undefined {
  const fd = tryBpfCall('bpf_prog_get_fd_by_id', id)
  if (fd < 0) return undefined
  try {
    return readProgramInfo(fd)
  } finally {
    call('close', 'close a program', fd)
  }
}

/** BPF_LINK_TYPE_CGROUP */
const cgroupLink = 3

/** A link as the kernel has it. */
export interface LinkInfo {
  /** The number of the program that it leads to. */
  readonly program: number
  /** What it is attached to: a cgroup's number, which is its directory's inode, or an interface's index. */
  readonly target: bigint
}

/** `undefined`: what the link was attached to is gone, or it was detached. */
export function readLinkInfo(fd: number): LinkInfo | undefined {
  const info = readInfo(fd, 'a link')
  const target =
    info.readUInt32LE(0) === cgroupLink ? info.readBigUInt64LE(16) : BigInt(info.readUInt32LE(16))
  return target === 0n ? undefined : { program: info.readUInt32LE(8), target }
}
