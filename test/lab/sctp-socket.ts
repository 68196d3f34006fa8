import { SystemCallError } from '@portolan/native'
import koffi from 'koffi'

const library = koffi.load('libc.so.6')
const calls = {
  socket: library.func('int socket(int domain, int type, int protocol)'),
  setsockopt: library.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)'),
  bind: library.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
  inet_pton: library.func('int inet_pton(int domain, const char *text, _Out_ uint8_t *bytes)'),
  close: library.func('int close(int fd)'),
}

const streamNonBlockingCloseOnExec = 1 | 0o4000 | 0o2000000
const sctp = 132

/** By family: domain, level of the socket options, and the option for errors that ICMP tells (IP_RECVERR). */
const ipv4 = { domain: 2, level: 0, receiveErrors: 11 } as const
const ipv6 = { domain: 10, level: 41, receiveErrors: 25 } as const
const ipv6Only = 26

/** Whether this machine's kernel has SCTP; its module is loaded if there is one. */
export function supportsSctp(): boolean {
  const fd = calls.socket(ipv4.domain, streamNonBlockingCloseOnExec, sctp)
  if (fd < 0) return false
  calls.close(fd)
  return true
}

/**
 * A socket of one SCTP association, unconnected. Node makes none, but takes one that exists for a TCP socket: both are
 * streams that connect, listen, read and write by the same calls.
 *
 * @returns its file descriptor @throws SystemCallError EPROTONOSUPPORT: the kernel has no SCTP
 */
export function sctpSocket(address: string): number {
  const { domain, level, receiveErrors } = familyOf(address)
  const fd = checked('open an SCTP socket', calls.socket(domain, streamNonBlockingCloseOnExec, sctp))
  // Else a refusal by ICMP would only be remembered, and the association tried on.
  checked('have ICMP errors told', calls.setsockopt(fd, level, receiveErrors, [1], 4))
  return fd
}

/** The same, bound to an address of this host. @throws SystemCallError EADDRINUSE, EADDRNOTAVAIL */
export function boundSctpSocket(address: string, port: number): number {
  const fd = sctpSocket(address)
  try {
    if (address.includes(':')) checked('keep to IPv6', calls.setsockopt(fd, ipv6.level, ipv6Only, [1], 4))
    const bytes = socketAddress(address, port)
    checked(`bind ${address} port ${port}`, calls.bind(fd, bytes, bytes.length))
    return fd
  } catch (error) {
    calls.close(fd)
    throw error
  }
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
function socketAddress(address: string, port: number): Buffer {
  const { domain } = familyOf(address)
  const isIpv6 = domain === ipv6.domain
  const bytes = Buffer.alloc(isIpv6 ? 28 : 16)
  bytes.writeUInt16LE(domain, 0)
  bytes.writeUInt16BE(port, 2)
  if (calls.inet_pton(domain, address, bytes.subarray(isIpv6 ? 8 : 4)) !== 1)
    throw new TypeError(`${address} is not an address`)
  return bytes
}

function familyOf(address: string): typeof ipv4 | typeof ipv6 {
  return address.includes(':') ? ipv6 : ipv4
}

function checked(doing: string, result: number): number {
  if (result < 0) throw new SystemCallError(doing, koffi.errno())
  return result
}
