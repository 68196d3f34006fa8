import { createSocket } from 'node:dgram'
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Complete, EchoReply, ProbeRequest, ProbeResult, SocketAddress } from './host-calls.ts'
import { portCycle } from './port-cycle.ts'
import { sctpSocket } from './sctp-socket.ts'
import { retransmissionsOf } from './tcp-info.ts'

/**
 * One new connection (or datagram), and how it ended.
 *
 * @param enough ends it as a timeout
 * @throws what is the caller's mistake: a source address that the host doesn't have, a port in use
 */
export function probe(request: Complete<ProbeRequest>, enough?: AbortSignal): Promise<ProbeResult> {
  if (request.protocol === 'UDP') return probeUdp(request, enough)
  return request.protocol === 'SCTP' ? probeSctp(request, enough) : probeStream(request, enough)
}

/**
 * An SCTP socket without an address of its own names all of the host's to its peer, which tries each of them within
 * seconds (RFC 9260, 5.4), past any translation; the host aborts what it knows nothing of, and an association that was
 * slower than that is gone.
 */
async function probeSctp(request: Complete<ProbeRequest>, enough?: AbortSignal): Promise<ProbeResult> {
  const from = request.from ?? (await sourceOf(request.to.address))
  return await probeStream(from === undefined ? request : { ...request, from }, enough)
}

/** The address by which this host would send there; nothing is sent. `undefined`: there is no way. */
async function sourceOf(destination: string): Promise<{ readonly address: string } | undefined> {
  const socket = createSocket({ type: destination.includes(':') ? 'udp6' : 'udp4' })
  try {
    await new Promise<void>((resolve, reject) =>
      socket.connect(discardPort, destination, (error?: Error) => (error ? reject(error) : resolve())),
    )
    return { address: socket.address().address }
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}

/** Of RFC 863: no Service. */
const discardPort = 9

function probeStream(
  { protocol, to, from, timeoutMs }: Complete<ProbeRequest>,
  enough?: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const elapsed = () => performance.now() - started
    const socket = protocol === 'SCTP' ? unconnectedSctp(to.address) : new Socket().setNoDelay()
    socket.connect({
      host: to.address,
      port: to.port,
      ...(from === undefined ? {} : { localAddress: from.address, localPort: from.port ?? 0 }),
    })
    let isConnected = false
    let firstPacketLost = false
    let heard = ''
    const end = (result: ProbeResult) => {
      clearTimeout(timer)
      enough?.removeEventListener('abort', giveUp)
      // A reset frees the port at once; thousands of connections in TIME_WAIT would use up all of them.
      socket.resetAndDestroy()
      resolve(result)
    }
    const giveUp = () => end({ result: 'timeout', milliseconds: elapsed(), ...fromOf(socket) })
    const timer = setTimeout(giveUp, timeoutMs)
    enough?.addEventListener('abort', giveUp, { once: true })
    socket.on('connect', () => {
      isConnected = true
      firstPacketLost =
        protocol === 'TCP' ? retransmissionsOf(socket as Socket) > 0 : elapsed() > sctpHandshakeMs
    })
    socket.on('data', (data) => {
      heard += data
      if (!heard.includes('\n')) return
      end({
        result: 'answered',
        milliseconds: elapsed(),
        ...(firstPacketLost ? { firstPacketLost: true as const } : {}),
        ...readReply(heard),
      })
    })
    socket.on('end', () => end({ result: 'reset', milliseconds: elapsed() }))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const result = isConnected ? 'reset' : outcomeOf(error)
      if (result !== undefined) return end({ result, milliseconds: elapsed() })
      clearTimeout(timer)
      reject(error)
    })
  })
}

/** An SCTP association that takes longer had its first packet lost, which is sent again after three seconds. */
const sctpHandshakeMs = 2500

/** Not read before it is connected, as Node reads of a socket that it is given: that is an error. */
function unconnectedSctp(address: string): Socket {
  return new Socket({ fd: sctpSocket(address), manualStart: true } as SocketConstructorOpts)
}

/**
 * The source port of the next datagram, past the NodePorts. Each is used once before any is used again: a node remembers
 * where it sent the flow of a port for half a minute, and a port that the kernel picks at random is soon one that was
 * picked before.
 */
const nextUdpPort = portCycle(33_000)

/** Whence a socket asks, if it is bound by now. */
function fromOf(socket: { address(): object }): { readonly from?: SocketAddress } {
  try {
    const { address, port } = socket.address() as Partial<SocketAddress>
    return address === undefined || port === undefined ? {} : { from: { address, port } }
  } catch {
    return {}
  }
}

function probeUdp(
  { to, from, timeoutMs }: Complete<ProbeRequest>,
  enough?: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const ipv6 = to.address.includes(':')
    const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6 })
    let ended = false
    let whence: { readonly from?: SocketAddress } = {}
    const settle = (give: () => void) => {
      if (ended) return
      ended = true
      clearTimeout(timer)
      enough?.removeEventListener('abort', giveUp)
      socket.close()
      give()
    }
    const end = (result: 'refused' | 'timeout' | 'unreachable' | 'reset') =>
      settle(() => resolve({ result, milliseconds: performance.now() - started }))
    const fail = (error: NodeJS.ErrnoException) => {
      const result = outcomeOf(error)
      if (result === undefined) settle(() => reject(error))
      else end(result)
    }
    const giveUp = () =>
      settle(() => resolve({ result: 'timeout', milliseconds: performance.now() - started, ...whence }))
    const timer = setTimeout(giveUp, timeoutMs)
    enough?.addEventListener('abort', giveUp, { once: true })
    const ask = () =>
      // Connected, because only then does the kernel tell of an ICMP error.
      socket.connect(to.port, to.address, (refused?: NodeJS.ErrnoException) => {
        // A dataplane at sockets refuses here already, before there is a packet.
        if (refused) return fail(refused)
        if (ended) return
        whence = fromOf(socket)
        socket.send('who', (error) => error && !isDroppedHere(error) && fail(error))
      })
    const bind = (port: number) =>
      socket.bind({ ...(from === undefined ? {} : { address: from.address }), port, exclusive: true })
    socket.once('listening', ask)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' && from?.port === undefined) bind(nextUdpPort())
      else fail(error)
    })
    socket.on('message', (message) => {
      const milliseconds = performance.now() - started
      settle(() => resolve({ result: 'answered', milliseconds, ...readReply(message.toString()) }))
    })
    bind(from?.port ?? nextUdpPort())
  })
}

/** The line of an echo server. @throws SyntaxError when something else answered, which no lab has */
export function readReply(heard: string): EchoReply {
  return JSON.parse(heard.slice(0, heard.includes('\n') ? heard.indexOf('\n') : undefined)) as EchoReply
}

/**
 * A datagram that this host's own rules stopped on its way out. If they did so by a refusal, that follows as an error
 * of its own; if it was a drop, nothing does.
 */
export function isDroppedHere(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPERM'
}

/** What an error says about the packet's fate; `undefined`: nothing, the request was wrong. */
export function outcomeOf(
  error: NodeJS.ErrnoException,
): 'refused' | 'timeout' | 'unreachable' | 'reset' | undefined {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EACCES':
      return 'unreachable'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset'
    default:
      return undefined
  }
}
