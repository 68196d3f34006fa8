import { call, SystemCallError } from '../libc.ts'
import { inNetworkNamespace } from '../network-namespace.ts'

const addressFamilyNetlink = 16
const rawCloseOnExec = 3 | 0o2000000
const solSocket = 1
const solNetlink = 270
const option = { receiveTimeout: 20, sendBufferForce: 32, receiveBufferForce: 33, capAck: 10, extAck: 11 }
/** MSG_TRUNC: tell a datagram's true length, also of one that the buffer is too small for. */
const trueLength = 0x20
const doNotWait = 0x40
/** Bytes of struct sockaddr_nl. */
const addressBytes = 12

export interface NetlinkSocketOptions {
  /** The netlink family: 12 is NETLINK_NETFILTER, 16 NETLINK_GENERIC. */
  readonly protocol: number
  /** The network namespace that the socket belongs to, as a path. Absent: the caller's. */
  readonly networkNamespace?: string
  /** Largest batch, in bytes; the kernel counts its own overhead against it. */
  readonly sendBufferBytes: number
  /** Room for answers that aren't read yet, in bytes of the kernel's memory. Default: 4 MiB. */
  readonly receiveBufferBytes?: number
  /** An answer that is overdue by this much never comes; better an error than a process that hangs. Default: 30,000. */
  readonly answerTimeoutMs?: number
}

/** Datagrams to and from the kernel: a netlink socket without any idea of what is said through it. */
export interface NetlinkChannel {
  /** The kernel's number of this socket (nl_pid), which every answer to it bears. */
  readonly portId: number
  /** @throws SystemCallError */
  send(datagram: Buffer): void
  /**
   * Receives one datagram.
   *
   * @param wait false: only one that is there already
   * @returns its length; more than the buffer has: the rest is lost
   * @throws SystemCallError EAGAIN: none came in time, or is there; ENOBUFS: some were lost for want of room
   */
  receive(buffer: Buffer, wait: boolean): number
  close(): void
}

/**
 * Opens a netlink socket that the kernel alone can send to: it is connected to it, so others are refused.
 *
 * @throws SystemCallError when the kernel lacks the netlink family or refuses the socket
 */
export function openNetlinkChannel(options: NetlinkSocketOptions): NetlinkChannel {
  const { fd, portId, close } = openNetlinkDescriptor(options)
  return {
    portId,
    send: (datagram) => {
      call('send', 'send through netlink', fd, datagram, datagram.length, 0)
    },
    receive: (buffer, wait) => receive(fd, buffer, wait ? trueLength : trueLength | doNotWait),
    close,
  }
}

/** The same socket as a file descriptor, for calls that its owner makes in another thread. */
export function openNetlinkDescriptor(options: NetlinkSocketOptions): {
  readonly fd: number
  readonly portId: number
  close(): void
} {
  const { networkNamespace, protocol } = options
  const make = () => call('socket', 'open a netlink socket', addressFamilyNetlink, rawCloseOnExec, protocol)
  const fd = networkNamespace === undefined ? make() : inNetworkNamespace(networkNamespace, make)
  const close = () => void call('close', 'close a netlink socket', fd)
  try {
    return { fd, portId: prepare(fd, options), close }
  } catch (error) {
    close()
    throw error
  }
}

/** @returns the port id that the kernel has given */
function prepare(fd: number, options: NetlinkSocketOptions): number {
  const address = Buffer.alloc(addressBytes)
  address.writeUInt16LE(addressFamilyNetlink, 0)
  call('bind', 'bind a netlink socket', fd, address, address.length)
  call('connect', 'connect a netlink socket to the kernel', fd, address, address.length)
  const own = Buffer.alloc(addressBytes)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(own.length, 0)
  call('getsockname', "read a netlink socket's port id", fd, own, length)
  setNumber(fd, solSocket, option.sendBufferForce, options.sendBufferBytes)
  setNumber(fd, solSocket, option.receiveBufferForce, options.receiveBufferBytes ?? 4 * 1024 * 1024)
  setNumber(fd, solNetlink, option.capAck, 1)
  setNumber(fd, solNetlink, option.extAck, 1)
  const timeoutMs = options.answerTimeoutMs ?? 30_000
  const timeout = Buffer.alloc(16)
  timeout.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0)
  timeout.writeBigInt64LE(BigInt((timeoutMs % 1000) * 1000), 8)
  setOption(fd, solSocket, option.receiveTimeout, timeout)
  return own.readUInt32LE(4)
}

function receive(fd: number, buffer: Buffer, flags: number): number {
  for (;;) {
    try {
      return call('recv', 'receive from netlink', fd, buffer, buffer.length, flags)
    } catch (error) {
      // A socket with a time limit isn't resumed by the kernel when a signal has come (signal(7)).
      if (!(error instanceof SystemCallError && error.code === 'EINTR')) throw error
    }
  }
}

function setNumber(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value, 0)
  setOption(fd, level, name, bytes)
}

function setOption(fd: number, level: number, name: number, value: Buffer): void {
  call('setsockopt', `set netlink socket option ${name}`, fd, level, name, value, value.length)
}
