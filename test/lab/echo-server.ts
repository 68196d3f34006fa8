import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { monotonic } from './clock.ts'
import type { Arrival, EchoReply, ServeRequest, SocketAddress } from './host-calls.ts'
import { boundSctpSocket } from './sctp-socket.ts'

/** A server that tells each client who it is and whom it saw. */
export interface EchoServer extends SocketAddress {
  close(): Promise<void>
}

/** When somebody last came to a server of this thread's (`monotonic`), by `arrivalKey`. */
export const arrivals = new Map<string, number>()

/** A benchmark makes millions of connections; what a test asks about has just been. */
const maxArrivals = 200_000

function noteArrival(arrival: Omit<Arrival, 'since'>): void {
  if (arrivals.size >= maxArrivals) arrivals.clear()
  arrivals.set(arrivalKey(arrival), monotonic())
}

export function arrivalKey({ protocol, from, at }: Omit<Arrival, 'since'>): string {
  return `${protocol} ${from.address}|${from.port} ${at.address}|${at.port}`
}

/** @throws the bind error: EADDRINUSE, EADDRNOTAVAIL */
export function serve(host: string, request: ServeRequest): Promise<EchoServer> {
  return request.protocol === 'UDP' ? serveUdp(host, request) : serveStream(host, request)
}

/** Speaks first, a line of JSON, and once more for every line that it hears. */
async function serveStream(host: string, { protocol, address, port }: ServeRequest): Promise<EchoServer> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: protocol === 'TCP' }, (socket) => {
    open.add(socket)
    const reply = replyOf(host, socket)
    noteArrival({ protocol, from: reply.seen, at: reply })
    const line = `${JSON.stringify(reply)}\n`
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.on('data', () => socket.write(line))
    socket.write(line)
  })
  // Probes come in bursts of thousands: a full accept queue would look like a drop of the dataplane's.
  server.listen({
    backlog: 4096,
    ...(protocol === 'SCTP'
      ? { fd: boundSctpSocket(address, port) }
      : { host: address, port, ipv6Only: true }),
  })
  await once(server, 'listening')
  const bound = server.address() as AddressInfo
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.resetAndDestroy()
      }),
  }
}

function replyOf(host: string, socket: Socket): EchoReply {
  return {
    host,
    address: socket.localAddress ?? '',
    port: socket.localPort ?? 0,
    seen: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
  }
}

async function serveUdp(host: string, { address, port }: ServeRequest): Promise<EchoServer> {
  const socket = createSocket({
    type: address.includes(':') ? 'udp6' : 'udp4',
    ipv6Only: address.includes(':'),
    recvBufferSize: 1 << 20,
  })
  socket.on('message', (_, from) => {
    const seen = { address: from.address, port: from.port }
    noteArrival({ protocol: 'UDP', from: seen, at: where })
    // Nobody can be answered there; Node throws at the attempt.
    if (from.port === 0) return
    socket.send(
      JSON.stringify({ host, ...where, seen } satisfies EchoReply),
      from.port,
      from.address,
      () => {},
    )
  })
  socket.bind({ address, port, exclusive: true })
  await once(socket, 'listening')
  socket.on('error', () => {})
  const where = { address: socket.address().address, port: socket.address().port }
  return { ...where, close: () => new Promise((resolve) => socket.close(resolve)) }
}
