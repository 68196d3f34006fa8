import type { Socket } from 'node:net'
import { SystemCallError } from '@portolan/native'
import koffi from 'koffi'

const getsockopt = koffi
  .load('libc.so.6')
  .func('int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)')

const tcp = 6
const tcpInfo = 11
/** Of `tcpi_total_retrans` in `struct tcp_info` (linux/tcp.h). */
const totalRetransmissions = 100

/**
 * How many segments of a connection this end has sent again, its SYN included: what was lost, told by the kernel that
 * noticed it. @throws SystemCallError when the socket has been closed
 */
export function retransmissionsOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } | null }
  const value = Buffer.alloc(totalRetransmissions + 4)
  const result = getsockopt(handle?.fd ?? -1, tcp, tcpInfo, value, [value.length])
  if (result < 0) throw new SystemCallError('read TCP_INFO', koffi.errno())
  return value.readUInt32LE(totalRetransmissions)
}
