import { call } from '../libc.ts'
import { bpfCall, tryBpfCall } from './library.ts'

/** struct bpf_prog_info, bpf_map_info and bpf_link_info: the kernel fills as much as it is given room for. */
function readInfo(fd: number, what: string): Buffer {
  const info = Buffer.alloc(80)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(info.length, 0)
  bpfCall('bpf_obj_get_info_by_fd', `read about ${what}`, fd, info, length)
  return info
}

export interface MapInfo {
  readonly keySize: number
  readonly valueSize: number
  readonly maxEntries: number
}

export function readMapInfo(fd: number): MapInfo {
  const info = readInfo(fd, 'a map')
  return {
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
  }
}

/** A hash of a program's instructions, in hex: the same program loaded again has the same. */
export function readProgramTag(fd: number): string {
  return readInfo(fd, 'a program').toString('hex', 8, 16)
}

/** The same by the program's number; `undefined`: there is none any more. */
export function readProgramTagOf(id: number): string | undefined {
  const fd = tryBpfCall('bpf_prog_get_fd_by_id', id)
  if (fd < 0) return undefined
  try {
    return readProgramTag(fd)
  } finally {
    call('close', 'close a program', fd)
  }
}

/** The number of the program that a link leads to. */
export function readLinkProgram(fd: number): number {
  return readInfo(fd, 'a link').readUInt32LE(8)
}
