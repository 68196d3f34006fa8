import { constants } from 'node:os'
import { readWhole } from '../netlink/netlink-protocol-error.ts'
import { findAttribute, messageFlag } from '../netlink/netlink-reader.ts'
import { NetlinkSocket } from '../netlink/netlink-socket.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'
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
 * @returns whether the hook (the clsact qdisc) had to be made: then it is the caller's to remove
 * @throws BpfError ENODEV: no such interface; EOPNOTSUPP: it has no such direction ({@link hasDirection})
 */
export function attachToInterface(
  program: BpfProgram,
  interfaceIndex: number,
  direction: Direction,
  place: TcPlace,
): boolean {
  const doing = `attach ${program.name} to interface ${interfaceIndex} (${direction})`
  const made = tryBpfCall('bpf_tc_hook_create', hook(interfaceIndex, 'both'))
  if (made < 0 && made !== -constants.errno.EEXIST) throw new BpfError(doing, -made)
  if (made < 0 && !hasDirection(interfaceIndex, direction))
    throw new BpfError(`${doing}, whose qdisc is ingress instead of clsact`, constants.errno.EOPNOTSUPP)
  bpfCall(
    'bpf_tc_attach',
    doing,
    hook(interfaceIndex, direction),
    options(place, { programFd: program.fd, flags: replace }),
  )
  return made >= 0
}

/**
 * Whether programs can be attached for this direction. Not for what goes out where another tool has made the qdisc `ingress`,
 * which takes the place of clsact: it has one list of filters, and takes those for either direction for its own.
 */
export function hasDirection(interfaceIndex: number, direction: Direction): boolean {
  return direction === 'ingress' || hookKind(interfaceIndex) !== 'ingress'
}

/** The number of the program at this place; `undefined`: there is none. */
export function attachedProgram(
  interfaceIndex: number,
  direction: Direction,
  place: TcPlace,
): number | undefined {
  const found = queryProgram(interfaceIndex, direction, place)
  if (found === undefined || direction === 'ingress') return found
  // See hasDirection: no program is for both.
  return found === queryProgram(interfaceIndex, 'ingress', place) ? undefined : found
}

function queryProgram(interfaceIndex: number, direction: Direction, place: TcPlace): number | undefined {
  const answer = options(place)
  if (tryBpfCall('bpf_tc_query', hook(interfaceIndex, direction), answer) < 0) return undefined
  return answer.readUInt32LE(16)
}

/** Whether there was anything to detach. */
export function detachFromInterface(interfaceIndex: number, direction: Direction, place: TcPlace): boolean {
  if (attachedProgram(interfaceIndex, direction, place) === undefined) return false
  return tryBpfCall('bpf_tc_detach', hook(interfaceIndex, direction), options(place)) >= 0
}

/**
 * Removes the hook of both directions (the clsact qdisc), unless filters of others are on it. To be asked by its maker
 * only: another tool's may be empty because its filters are yet to come, or come and go.
 */
export function removeUnusedHook(interfaceIndex: number): void {
  if (countFilters(interfaceIndex, clsactParent.ingress) > 0) return
  if (countFilters(interfaceIndex, clsactParent.egress) > 0) return
  tryBpfCall('bpf_tc_hook_destroy', hook(interfaceIndex, 'both'))
}

const clsactParent = { ingress: 0xfffffff2, egress: 0xfffffff3 }
const qdiscParent = 0xfffffff1
const getQdisc = 38
const getFilter = 46
/** struct tcmsg, and the attribute TCA_KIND. */
const message = { interface: 4, parent: 12, size: 20, kind: 1 }

/** Filters of any kind at a place of an interface, as rtnetlink(7) lists them. */
function countFilters(interfaceIndex: number, parent: number): number {
  return list(getFilter, interfaceIndex, parent, () => true).length
}

/** The qdisc through which filters see packets that come in, and may see those that go out. */
function hookKind(interfaceIndex: number): string | undefined {
  const [kind] = list(getQdisc, interfaceIndex, 0, (payload) => {
    // Of all interfaces, whatever was asked for.
    if (payload.readInt32LE(message.interface) !== interfaceIndex) return undefined
    if (payload.readUInt32LE(message.parent) !== qdiscParent) return undefined
    return findAttribute(payload.subarray(message.size), message.kind)
      ?.toString('latin1')
      .replace(/\0.*$/s, '')
  })
  return kind
}

/** What is read of the messages of a dump, as long as it is something. */
function list<Read>(
  type: typeof getQdisc | typeof getFilter,
  interfaceIndex: number,
  parent: number,
  read: (payload: Buffer) => Read | undefined,
): Read[] {
  const socket = new NetlinkSocket({ protocol: 0, sendBufferBytes: 4096 })
  try {
    const writer = new NetlinkWriter()
    const start = writer.beginMessage(type, messageFlag.request | messageFlag.dump)
    for (const field of [0, interfaceIndex, 0, parent, 0]) writer.uint32(field)
    writer.endMessage(start)
    const refused = ({ errno }: { readonly errno: number }) =>
      new BpfError(`list the filters of interface ${interfaceIndex}`, errno)
    return readWhole(() => {
      const found: Read[] = []
      for (const { payload } of socket.dump(writer.bytes, refused)) {
        const one = read(payload)
        if (one !== undefined) found.push(one)
      }
      return found
    })
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
