import { SystemCallError } from './libc.ts'
import { readWhole } from './netlink/netlink-protocol-error.ts'
import { findAttribute, findNumber, messageFlag } from './netlink/netlink-reader.ts'
import { NetlinkSocket } from './netlink/netlink-socket.ts'
import { NetlinkWriter } from './netlink/netlink-writer.ts'

/** A network interface as rtnetlink(7) tells of it. */
export interface NetworkInterface {
  readonly index: number
  readonly name: string
  /** What its packets begin with: an Ethernet header (loopback's do as well), the IP header (tunnels, PPP), or else. */
  readonly header: 'ethernet' | 'none' | 'other'
  readonly loopback: boolean
  readonly up: boolean
  /** The interface that it belongs to, and of which kind that is: `bridge`, `bond`, `team`, `vrf`, ... */
  readonly master: { readonly index: number; readonly kind: string } | undefined
  /**
   * Its addresses of global scope that a new connection may have as its source, 4 or 16 bytes each: in the kernel's order,
   * but IPv6 addresses that stay for ever before those that expire. (An IPv4 address that stays may be one that moves from
   * node to node beside the node's own from DHCP, which the kernel has first.)
   */
  readonly addresses: readonly Uint8Array[]
}

const route = 0
const getLink = 18
const getAddress = 22
const getRoute = 26
const mainTable = 254
const attribute = {
  address: 1,
  local: 2,
  name: 3,
  master: 10,
  outgoing: 4,
  multipath: 9,
  addressFlags: 8,
  linkInfo: 18,
  kind: 1,
}
const flag = { up: 1, loopback: 8 }
/** Of an address (IFA_F_*). What is temporary of IPv6 means secondary with IPv4. */
const addressFlag = { temporary: 0x01, dadFailed: 0x08, deprecated: 0x20, tentative: 0x40, permanent: 0x80 }
/** ARPHRD_ETHER and ARPHRD_LOOPBACK; ARPHRD_NONE, PPP, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE. */
const hardware = { ethernet: [1, 772], none: [0xfffe, 512, 519, 768, 769, 776, 778, 823] }
const family = { ipv4: 2, ipv6: 10 }

/**
 * All interfaces of a network namespace, with their addresses.
 *
 * @param networkNamespace its path; absent: the caller's own
 */
export function listInterfaces(networkNamespace?: string): NetworkInterface[] {
  return asking(networkNamespace, (socket) => {
    const addresses = readAddresses(socket)
    const interfaces: (Omit<NetworkInterface, 'master'> & { readonly masterIndex: number })[] = []
    const kinds = new Map<number, string>()
    for (const { payload } of dump(socket, getLink, 16)) {
      const [type, index, flags] = [payload.readUInt16LE(2), payload.readInt32LE(4), payload.readUInt32LE(8)]
      const attributes = payload.subarray(16)
      kinds.set(
        index,
        textOf(findAttribute(attributes, attribute.linkInfo) ?? Buffer.alloc(0), attribute.kind),
      )
      interfaces.push({
        index,
        name: textOf(attributes, attribute.name),
        header: hardware.ethernet.includes(type)
          ? 'ethernet'
          : hardware.none.includes(type)
            ? 'none'
            : 'other',
        loopback: (flags & flag.loopback) !== 0,
        up: (flags & flag.up) !== 0,
        masterIndex: findNumber(attributes, attribute.master, 'uint32') ?? 0,
        addresses: addresses.get(index) ?? [],
      })
    }
    return interfaces.map(({ masterIndex: index, ...one }) => ({
      ...one,
      master: index === 0 ? undefined : { index, kind: kinds.get(index) ?? '' },
    }))
  })
}

function textOf(attributes: Buffer, type: number): string {
  return findAttribute(attributes, type)?.toString('utf8').replace(/\0.*$/s, '') ?? ''
}

/** Indexes of the interfaces that default routes of either family leave by, in the main table. */
export function listDefaultRoutes(networkNamespace?: string): ReadonlySet<number> {
  return asking(networkNamespace, (socket) => {
    const found = new Set<number>()
    for (const { payload } of dump(socket, getRoute, 12)) {
      const [prefixLength, table] = [payload.readUInt8(1), payload.readUInt8(4)]
      if (prefixLength !== 0 || table !== mainTable) continue
      const attributes = payload.subarray(12)
      const index = findNumber(attributes, attribute.outgoing, 'uint32')
      if (index !== undefined) found.add(index)
      // Of several next hops (RTA_MULTIPATH), each struct rtnexthop begins with its length and has the index at 4.
      const hops = findAttribute(attributes, attribute.multipath)
      for (let at = 0; hops !== undefined && at + 8 <= hops.length; ) {
        found.add(hops.readInt32LE(at + 4))
        at += Math.max(8, (hops.readUInt16LE(at) + 3) & ~3)
      }
    }
    return found
  })
}

/** Reads by dumps on a socket of its own; anew if interfaces come or go meanwhile. */
function asking<Result>(
  networkNamespace: string | undefined,
  read: (socket: NetlinkSocket) => Result,
): Result {
  const socket = new NetlinkSocket({
    protocol: route,
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
    sendBufferBytes: 4096,
  })
  try {
    return readWhole(() => read(socket))
  } finally {
    socket.close()
  }
}

function readAddresses(socket: NetlinkSocket): Map<number, Uint8Array[]> {
  const [addresses, expiring] = [new Map<number, Uint8Array[]>(), new Map<number, Uint8Array[]>()]
  for (const { payload } of dump(socket, getAddress, 8)) {
    const [which, scope, index] = [payload.readUInt8(0), payload.readUInt8(3), payload.readUInt32LE(4)]
    if (scope !== 0 || (which !== family.ipv4 && which !== family.ipv6)) continue
    const attributes = payload.subarray(8)
    const bytes = findAttribute(attributes, attribute.local) ?? findAttribute(attributes, attribute.address)
    const flags = findNumber(attributes, attribute.addressFlags, 'uint32') ?? payload.readUInt8(2)
    const unusable = addressFlag.dadFailed | addressFlag.deprecated | addressFlag.tentative
    const temporary = which === family.ipv6 ? addressFlag.temporary : 0
    if (bytes === undefined || (flags & (unusable | temporary)) !== 0) continue
    const stays = which === family.ipv4 || (flags & addressFlag.permanent) !== 0
    append(stays ? addresses : expiring, index, Uint8Array.from(bytes))
  }
  for (const [index, later] of expiring) for (const one of later) append(addresses, index, one)
  return addresses
}

function append(addresses: Map<number, Uint8Array[]>, index: number, one: Uint8Array): void {
  const known = addresses.get(index)
  if (known === undefined) addresses.set(index, [one])
  else known.push(one)
}

function dump(socket: NetlinkSocket, type: number, headerBytes: number) {
  const writer = new NetlinkWriter()
  const start = writer.beginMessage(type, messageFlag.request | messageFlag.dump)
  for (let index = 0; index < headerBytes; index++) writer.uint8(0)
  writer.endMessage(start)
  return socket.dump(
    writer.bytes,
    ({ errno }) => new SystemCallError('list network interfaces and routes', errno),
  )
}
