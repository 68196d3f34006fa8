import { inNetworkNamespace } from '@portolan/native'
import koffi from 'koffi'
import type { Destination } from './first-packet.ts'

const libc = koffi.load('libc.so.6')
const socket = libc.func('int socket(int domain, int type, int protocol)')
const connect = libc.func('int connect(int fd, const void *address, uint32_t length)')
const setOption = libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)')
const close = libc.func('int close(int fd)')

const [ipv4, closeOnExec, stream, datagram, socketLevel, lingerOption] = [2, 0o2000000, 1, 2, 1, 13]

/**
 * Microseconds of each of so many TCP connects in a row, from a network namespace to an IPv4 address. The calls are made
 * directly, so that no event loop is measured with them: on veth the whole handshake happens inside connect(2).
 *
 * @throws Error when one is refused
 */
export function measureConnects(networkNamespace: string, to: Destination, count: number): number[] {
  const destination = socketAddress(to)
  // Closes by a reset: thousands of connections in TIME_WAIT would use up the ports.
  const linger = Buffer.alloc(8)
  linger.writeInt32LE(1, 0)
  const times: number[] = []
  inNetworkNamespace(networkNamespace, () => {
    for (let turn = 0; turn < count; turn++) {
      const fd = Number(socket(ipv4, stream | closeOnExec, 0))
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

/**
 * Microseconds of each of so many connect(2) of one UDP socket, which send nothing: what is left is the look-up of a route,
 * and programs at connect.
 *
 * @throws Error when one is refused
 */
export function measureUdpConnects(networkNamespace: string, to: Destination, count: number): number[] {
  const destination = socketAddress(to)
  const times: number[] = []
  inNetworkNamespace(networkNamespace, () => {
    const fd = Number(socket(ipv4, datagram | closeOnExec, 0))
    try {
      for (let turn = 0; turn < count; turn++) {
        const begun = process.hrtime.bigint()
        const result = Number(connect(fd, destination, destination.length))
        const ended = process.hrtime.bigint()
        if (result !== 0) throw new Error(`connect to ${to.address} port ${to.port} by UDP failed`)
        times.push(Number(ended - begun) / 1000)
      }
    } finally {
      close(fd)
    }
  })
  return times
}

/** A sockaddr_in: see ip(7). */
function socketAddress({ address, port }: Destination): Buffer {
  const encoded = Buffer.alloc(16)
  encoded.writeUInt16LE(ipv4, 0)
  encoded.writeUInt16BE(port, 2)
  encoded.set(address.split('.').map(Number), 4)
  return encoded
}
