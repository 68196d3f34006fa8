import { constants } from 'node:os'
import { messageFlag } from '../netlink-reader.ts'
import { NetlinkSocket } from '../netlink-socket.ts'
import { NetlinkWriter } from '../netlink-writer.ts'
import type { BpfProgram } from './bpf-object.ts'
import { BpfError, bpfCall, tryBpfCall } from './library.ts'

/** Where on an interface: packets that come in, or go out. */
export type Direction = 'ingress' | 'egress'

/** Which of the filters on a hook is ours: its priority (lower runs first) and handle. */
export interface TcPlace {
  /** 1 to 65535. */
  readonly priority: number
  readonly handle: number
}

const attachPoint = { ingress: 1, egress: 2, both: 3 }
const replace = 1

/**
 * Attaches a program to an interface of the caller's network namespace as a filter of clsact, in place of the one that
 * is there: for kernels without tcx. Filters of others keep running as long as the program answers TC_ACT_UNSPEC.
 *
 * @throws BpfError ENODEV: no such interface
 */
export function attachToInterface(
  program: BpfProgram,
  interfaceIndex: number,
  direction: Direction,
  place: TcPlace,
): void {
  const doing = `attach ${program.name} to interface ${interfaceIndex} (${direction})`
  const made = tryBpfCall('bpf_tc_hook_create', hook(interfaceIndex, 'both'))
  if (made < 0 && made !== -constants.errno.EEXIST) throw new BpfError(doing, -made)
  bpfCall(
    'bpf_tc_attach',
    doing,
    hook(interfaceIndex, direction),
    options(place, { programFd: program.fd, flags: replace }),
  )
}

/** The number of the program at this place; `undefined`: there is none. */
export function attachedProgram(
  interfaceIndex: number,
  direction: Direction,
  place: TcPlace,
): number | undefined {
  const answer = options(place)
  if (tryBpfCall('bpf_tc_query', hook(interfaceIndex, direction), answer) < 0) return undefined
  return answer.readUInt32LE(16)
}

/** Whether there was anything to detach. */
export function detachFromInterface(interfaceIndex: number, direction: Direction, place: TcPlace): boolean {
  return tryBpfCall('bpf_tc_detach', hook(interfaceIndex, direction), options(place)) >= 0
}

/** Removes the hook of both directions (the clsact qdisc), unless filters of others are on it. */
export function removeUnusedHook(interfaceIndex: number): void {
  if (countFilters(interfaceIndex, clsactParent.ingress) > 0) return
  if (countFilters(interfaceIndex, clsactParent.egress) > 0) return
  tryBpfCall('bpf_tc_hook_destroy', hook(interfaceIndex, 'both'))
}

const clsactParent = { ingress: 0xfffffff2, egress: 0xfffffff3 }
const getFilter = 46

/** Filters of any kind at a place of an interface, as rtnetlink(7) lists them. */
function countFilters(interfaceIndex: number, parent: number): number {
  const socket = new NetlinkSocket({ protocol: 0, sendBufferBytes: 4096 })
  try {
    const writer = new NetlinkWriter()
    const start = writer.beginMessage(getFilter, messageFlag.request | messageFlag.dump)
    for (const field of [0, interfaceIndex, 0, parent, 0]) writer.uint32(field)
    writer.endMessage(start)
    const refused = ({ errno }: { readonly errno: number }) =>
      new BpfError(`list the filters of interface ${interfaceIndex}`, errno)
    return [...socket.dump(writer.bytes, refused)].length
  } finally {
    socket.close()
  }
}

/** struct bpf_tc_hook */
function hook(interfaceIndex: number, point: keyof typeof attachPoint): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeBigUInt64LE(24n, 0)
  bytes.writeInt32LE(interfaceIndex, 8)
  bytes.writeUInt32LE(attachPoint[point], 12)
  return bytes
}

/** struct bpf_tc_opts */
function options(place: TcPlace, program = { programFd: 0, flags: 0 }): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(32n, 0)
  bytes.writeInt32LE(program.programFd, 8)
  bytes.writeUInt32LE(program.flags, 12)
  bytes.writeUInt32LE(place.handle, 20)
  bytes.writeUInt32LE(place.priority, 24)
  return bytes
}
