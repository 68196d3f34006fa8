import { inNetworkNamespace } from '@portolan/native'
import koffi from 'koffi'

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int domain, int type, int protocol)')
const connect = libc.func('int connect(int fd, const void *address, uint32_t length)')
const setOption = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)')
const close = libc.func('int close(int fd)')

const [ipv4, streamCloseOnExec, socketLevel, lingerOption] = [2, 1 | 0o2000000, 1, 13]

/**
 * Microseconds of each of so many TCP connects in a row, from a network namespace to an IPv4 address. The calls are made
 * directly, so that no event loop is measured with them: on veth the whole handshake happens inside connect(2).
 *
 * @throws Error when one is refused
 */
export function measureConnects(
  networkNamespace: string,
  to: { readonly address: string; readonly port: number },
  count: number,
): number[] {
  const destination = Buffer.alloc(16)
  destination.writeUInt16LE(ipv4, 0)
  destination.writeUInt16BE(to.port, 2)
  destination.set(to.address.split('.').map(Number), 4)
  // Closes by a reset: thousands of connections in TIME_WAIT would use up the ports.
  const linger = Buffer.alloc(8)
  linger.writeInt32LE(1, 0)
  const times: number[] = []
  inNetworkNamespace(networkNamespace, () => {
    for (let turn = 0; turn < count; turn++) {
      const fd = Number(socket(ipv4, streamCloseOnExec, 0))
      setOption(fd, socketLevel, lingerOption, linger, linger.length)
      const begun = process.hrtime.bigint()
      const result = Number(connect(fd, destination, destination.length))
      const ended = process.hrtime.bigint()
      close(fd)
      if (result !== 0) throw new Error(`connect to ${to.address} port ${to.port} failed`)
      times.push(Number(ended - begun) / 1000)
    }
  })
  return times
}
