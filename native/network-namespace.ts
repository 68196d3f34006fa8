import { call } from './libc.ts'

const readOnlyCloseOnExec = 0o2000000
const cloneNewNet = 0x40000000

/**
 * Moves the calling thread into a network namespace for good (setns(2)); sockets made by this thread from now on live
 * there. Give each namespace a worker thread of its own.
 *
 * @param path a bound namespace, `/run/netns/NAME`, or `/proc/PID/ns/net`
 * @throws SystemCallError ENOENT: no such namespace; EPERM: needs CAP_SYS_ADMIN
 */
export function enterNetworkNamespace(path: string): void {
  const fd = call('open', `open the network namespace ${path}`, path, readOnlyCloseOnExec)
  try {
    call('setns', `enter the network namespace ${path}`, fd, cloneNewNet)
  } finally {
    call('close', 'close a network namespace', fd)
  }
}

/**
 * Runs a synchronous function inside a network namespace and comes back, also after an exception. Sockets made by it
 * stay in that namespace.
 */
export function inNetworkNamespace<Result>(path: string, run: () => Result): Result {
  const home = call(
    'open',
    'open the current network namespace',
    '/proc/thread-self/ns/net',
    readOnlyCloseOnExec,
  )
  try {
    enterNetworkNamespace(path)
    return run()
  } finally {
    call('setns', 'return to the network namespace of before', home, cloneNewNet)
    call('close', 'close a network namespace', home)
  }
}

/**
 * The number by which the kernel tells network namespaces apart: never given twice while the machine runs. That of the
 * calling thread; wrap it in {@link inNetworkNamespace} for another.
 *
 * @throws SystemCallError ENOPROTOOPT: needs Linux 5.14
 */
export function networkNamespaceCookie(): bigint {
  const [ipv4, datagramCloseOnExec, socketLevel, netnsCookie] = [2, 2 | 0o2000000, 1, 71]
  const fd = call('socket', 'open a socket', ipv4, datagramCloseOnExec, 0)
  try {
    const cookie = Buffer.alloc(8)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(cookie.length, 0)
    call('getsockopt', "read the network namespace's cookie", fd, socketLevel, netnsCookie, cookie, length)
    return cookie.readBigUInt64LE(0)
  } finally {
    call('close', 'close a socket', fd)
  }
}
