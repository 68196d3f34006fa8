import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Overheard, ServeRequest, SocketAddress } from './host-calls.ts'
import { encodeMessage, MessageReader, type ReadMessage, readDatagram } from './recorded-message.ts'

/** A server that answers every message with what it saw, and keeps a record of its own of all that reached it. */
export interface RecordingServer extends SocketAddress {
  close(): Promise<void>
}

/** Where a server puts what it sees. */
export type Record = (seen: Overheard) => void

/** @throws the bind error: EADDRINUSE, EADDRNOTAVAIL; TypeError for a protocol but TCP and UDP */
export function serveRecorded(host: string, request: ServeRequest, record: Record): Promise<RecordingServer> {
  switch (request.protocol) {
    case 'UDP':
      return serveUdp(host, request, record)
    case 'TCP':
      return serveTcp(host, request, record)
    default:
      throw new TypeError(`no recording server speaks ${request.protocol}`)
  }
}

async function serveTcp(
  host: string,
  { address, port }: ServeRequest,
  record: Record,
): Promise<RecordingServer> {
  const open = new Set<Socket>()
  const at = { address, port }
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    open.add(socket)
    const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    const reader = new MessageReader()
    let lastTag = ''
    let ended: 'finished' | 'reset' | undefined
    socket.on('data', (data) => {
      for (const { by: _, ...message } of reader.read(data)) {
        lastTag = message.tag
        record({ host, protocol: 'TCP', at, from, ...seenOf(message) })
        socket.write(encodeMessage({ tag: message.tag, bytes: message.bytes, by: { host, at, saw: from } }))
        if (message.thenClose === true) socket.end()
      }
    })
    socket.on('end', () => {
      ended ??= 'finished'
    })
    socket.on('error', () => {
      ended ??= 'reset'
    })
    socket.on('close', () => {
      open.delete(socket)
      record({ host, protocol: 'TCP', at, from, tag: lastTag, ended: ended ?? 'finished' })
    })
  })
  server.listen({ backlog: 4096, host: address, port, ipv6Only: true })
  await once(server, 'listening')
  return {
    ...at,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.resetAndDestroy()
      }),
  }
}

async function serveUdp(
  host: string,
  { address, port }: ServeRequest,
  record: Record,
): Promise<RecordingServer> {
  const ipv6 = address.includes(':')
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6, recvBufferSize: 1 << 20 })
  const at = { address, port }
  socket.on('message', (data, { address: source, port: sourcePort }) => {
    const from = { address: source, port: sourcePort }
    const message = readDatagram(data)
    if (message === undefined) {
      record({ host, protocol: 'UDP', at, from, tag: `not ours: ${data.length} bytes` })
      return
    }
    const { tag, bytes, by } = message
    record({ host, protocol: 'UDP', at, from, ...seenOf(message) })
    // An answer that was led astray is kept, and not answered: two servers would do so for ever.
    if (by !== undefined) return
    // Nobody can be answered there; Node throws at the attempt.
    if (sourcePort === 0) return
    socket.send(encodeMessage({ tag, bytes, by: { host, at, saw: from } }), from.port, from.address, () => {})
  })
  socket.bind({ address, port, exclusive: true })
  await once(socket, 'listening')
  socket.on('error', () => {})
  return { ...at, close: () => new Promise((resolve) => socket.close(resolve)) }
}

function seenOf({ tag, bytes, intact, by }: ReadMessage): Pick<Overheard, 'tag' | 'bytes' | 'intact'> {
  return { tag: by === undefined ? tag : `the answer to ${tag}`, bytes, intact }
}
