import { constants } from 'node:fs'
import { call } from './libc.ts'
import { inNetworkNamespace } from './network-namespace.ts'

const setInterface = 0x400454ca
/** Of struct ifreq: 16 bytes of name, then flags. */
const requestBytes = 40
const flag = { tun: 1, tap: 2, noPacketInformation: 0x1000 }

/**
 * Makes a network interface whose packets are written to and read from a file: a tun device, of bare IP packets, or a tap
 * device, of Ethernet frames (the kernel's Documentation/networking/tuntap.rst). It goes away when the file is closed.
 *
 * @returns the file descriptor; reading from it doesn't wait (EAGAIN)
 * @throws SystemCallError EPERM: needs CAP_NET_ADMIN; ENOENT: the kernel has no tun devices
 */
export function openTun(name: string, networkNamespace: string, kind: 'tun' | 'tap' = 'tun'): number {
  return inNetworkNamespace(networkNamespace, () => {
    const fd = call('open', 'open /dev/net/tun', '/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK)
    const request = Buffer.alloc(requestBytes)
    request.write(name, 0, 15)
    request.writeUInt16LE(flag[kind] | flag.noPacketInformation, 16)
    try {
      call('ioctl', `make the ${kind} device ${name}`, fd, setInterface, request)
    } catch (error) {
      call('close', 'close /dev/net/tun', fd)
      throw error
    }
    return fd
  })
}
