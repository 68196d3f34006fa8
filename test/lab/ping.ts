import { createSocket } from 'node:dgram'
import { SystemCallError } from '@portolan/native'
import koffi from 'koffi'
import type { Complete, PingRequest, PingResult } from './host-calls.ts'
import { isDroppedHere, outcomeOf } from './probe.ts'

const socketCall = koffi.load('libc.so.6').func('int socket(int domain, int type, int protocol)')

const datagramNonBlockingCloseOnExec = 2 | 0o4000 | 0o2000000

/** Domain, protocol and the type of an echo request, by family. */
const icmp = {
  IPv4: { domain: 2, protocol: 1, echoRequest: 8 },
  IPv6: { domain: 10, protocol: 58, echoRequest: 128 },
} as const

/**
 * One echo request through a ping socket (`net.ipv4.ping_group_range`). The kernel numbers it and matches the answer,
 * and for Node it is a datagram socket like any other once it exists.
 *
 * @param enough ends it as a timeout
 */
export function ping(
  { address, bytes = 0, timeoutMs }: Complete<PingRequest>,
  enough?: AbortSignal,
): Promise<PingResult> {
  const { domain, protocol, echoRequest } = icmp[address.includes(':') ? 'IPv6' : 'IPv4']
  const fd = Number(socketCall(domain, datagramNonBlockingCloseOnExec, protocol))
  if (fd < 0) throw new SystemCallError('open a ping socket', koffi.errno())
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    let ended = false
    const settle = (give: () => void) => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      enough?.removeEventListener('abort', giveUp)
      socket.close()
      give()
    }
    const end = (result: PingResult['result']) =>
      settle(() => resolve({ result, milliseconds: performance.now() - started }))
    const fail = (error: NodeJS.ErrnoException) => {
      const outcome = outcomeOf(error)
      if (outcome === undefined) settle(() => reject(error))
      else end(outcome === 'timeout' ? 'timeout' : 'unreachable')
    }
    const giveUp = () => end('timeout')
    const timer = setTimeout(giveUp, timeoutMs)
    enough?.addEventListener('abort', giveUp, { once: true })
    socket.on('error', fail)
    socket.on('message', () => end('answered'))
    socket.bind({ fd }, () =>
      // The port means nothing to ICMP, but Node wants one.
      socket.connect(1, address, (refused?: NodeJS.ErrnoException) => {
        if (refused) fail(refused)
        else if (!ended)
          socket.send(
            Buffer.concat([Uint8Array.of(echoRequest, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(bytes)]),
            (error) => error && !isDroppedHere(error) && fail(error),
          )
      }),
    )
  })
}
