import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Complete, Heard, OpenRequest, SayRequest, SocketAddress } from './host-calls.ts'
import { encodeMessage, MessageReader, type ReadMessage, readDatagram } from './recorded-message.ts'
import { retransmissionsOf } from './tcp-info.ts'

/** How a client's socket is closed; UDP has one way only. */
export type Ending = 'finish' | 'reset'

/** A client's socket that keeps a record of everything that it hears: answers, errors, the end. */
export interface RecordingSocket {
  /** How many SYNs it took more than one. */
  readonly synsSentAgain: number
  /** Sends a message, waits for its answer, an error, or the time to pass, and tells what was heard since the last time. */
  say(request: Complete<SayRequest>): Promise<readonly Heard[]>
  /** Waits for the answer to an earlier message. */
  hear(tag: string, timeoutMs: number): Promise<readonly Heard[]>
  /** Closes it, and tells what was heard besides. */
  end(how: Ending): Promise<readonly Heard[]>
}

/** @returns the socket, or the code of the error that kept it from being opened @throws TypeError for SCTP */
export function openRecordingSocket(request: Complete<OpenRequest>): Promise<RecordingSocket | string> {
  switch (request.protocol) {
    case 'UDP':
      return openUdp(request)
    case 'TCP':
      return openTcp(request)
    default:
      throw new TypeError(`no recording socket speaks ${request.protocol}`)
  }
}

/** What was heard and not yet reported. */
class Ear {
  #heard: Heard[] = []
  #waiting: { tag: string; resolve: () => void } | undefined

  hear(heard: Heard): void {
    this.#heard.push(heard)
    if (this.#waiting !== undefined && this.#settles(heard, this.#waiting.tag)) this.#waiting.resolve()
  }

  heardMessage({ tag, bytes, intact, by }: ReadMessage, from: SocketAddress): void {
    this.hear({ what: 'message', tag, from, bytes, intact, ...(by === undefined ? {} : { by }) })
  }

  take(): readonly Heard[] {
    const heard = this.#heard
    this.#heard = []
    return heard
  }

  async until(tag: string, timeoutMs: number): Promise<readonly Heard[]> {
    if (!this.#heard.some((one) => this.#settles(one, tag))) {
      let timer: NodeJS.Timeout | undefined
      const settled = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), timeoutMs)
        this.#waiting = { tag, resolve: () => resolve(true) }
      })
      const inTime = await settled
      clearTimeout(timer)
      this.#waiting = undefined
      if (!inTime) this.hear({ what: 'silence' })
    }
    return this.take()
  }

  #settles(heard: Heard, tag: string): boolean {
    return heard.what === 'message' ? heard.tag === tag : true
  }
}

async function openTcp({
  address,
  port,
  to,
  timeoutMs,
}: Complete<OpenRequest>): Promise<RecordingSocket | string> {
  if (to === undefined) throw new TypeError('a TCP socket is opened to somewhere')
  const ear = new Ear()
  const reader = new MessageReader()
  const socket: Socket = connect({
    host: to.address,
    port: to.port,
    noDelay: true,
    localPort: port,
    ...(address === undefined ? {} : { localAddress: address }),
  })
  let timer: NodeJS.Timeout | undefined
  const failure = await new Promise<string | undefined>((resolve) => {
    timer = setTimeout(() => resolve('silence'), timeoutMs)
    socket.once('connect', () => resolve(undefined))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(codeOf(error)))
  })
  clearTimeout(timer)
  socket.removeAllListeners('error')
  socket.on('error', (error: NodeJS.ErrnoException) => ear.hear({ what: 'error', code: codeOf(error) }))
  if (failure !== undefined) {
    socket.resetAndDestroy()
    return failure
  }
  const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
  const synsSentAgain = retransmissionsOf(socket)
  socket.on('data', (data) => {
    for (const message of reader.read(data)) ear.heardMessage(message, from)
  })
  socket.on('end', () => ear.hear({ what: 'end' }))
  return {
    synsSentAgain,
    async say({ tag, bytes, thenClose, awaits, timeoutMs }) {
      socket.write(encodeMessage({ tag, bytes, ...(thenClose === true ? { thenClose } : {}) }))
      const heard = awaits ? await ear.until(tag, timeoutMs) : ear.take()
      // The end that was asked for belongs to this answer.
      const ended = heard.some(({ what }) => what !== 'message')
      return thenClose !== true || ended ? heard : [...heard, ...(await ear.until('', timeoutMs))]
    },
    hear: (tag, timeoutMs) => ear.until(tag, timeoutMs),
    async end(how) {
      if (socket.destroyed) return ear.take()
      const closed = once(socket, 'close')
      if (how === 'reset') socket.resetAndDestroy()
      else socket.end()
      await closed
      return ear.take().filter(({ what }) => what !== 'end')
    },
  }
}

async function openUdp({
  address,
  port,
  to,
  timeoutMs,
}: Complete<OpenRequest>): Promise<RecordingSocket | string> {
  const ear = new Ear()
  const ipv6 = (address ?? to?.address ?? '').includes(':')
  const socket = createSocket({
    type: ipv6 ? 'udp6' : 'udp4',
    ipv6Only: ipv6,
    // One port may have several sockets, each connected to another peer; the kernel must not choose such a one.
    reuseAddr: port !== 0,
    recvBufferSize: 1 << 20,
  })
  try {
    socket.bind({ port, exclusive: true, ...(address === undefined ? {} : { address }) })
    await once(socket, 'listening')
    if (to !== undefined) await connectUdp(socket, to)
  } catch (error) {
    socket.close()
    return codeOf(error as NodeJS.ErrnoException)
  }
  socket.on('error', (error: NodeJS.ErrnoException) => ear.hear({ what: 'error', code: codeOf(error) }))
  socket.on('message', (data, from) => {
    const sender = { address: from.address, port: from.port }
    const message = readDatagram(data)
    if (message === undefined)
      ear.hear({ what: 'message', tag: 'not ours', from: sender, bytes: data.length, intact: false })
    else ear.heardMessage(message, sender)
  })
  return {
    synsSentAgain: 0,
    async say({ tag, bytes, to: receiver, awaits, timeoutMs: milliseconds }) {
      const data = encodeMessage({ tag, bytes })
      const error = await new Promise<NodeJS.ErrnoException | null>((sent) => {
        if (receiver === undefined) socket.send(data, sent)
        else socket.send(data, receiver.port, receiver.address, sent)
      })
      // The host's own rules may refuse it, or drop it, before it is a packet.
      if (error) ear.hear({ what: 'error', code: codeOf(error) })
      return awaits ? await ear.until(tag, milliseconds ?? timeoutMs) : ear.take()
    },
    hear: (tag, milliseconds) => ear.until(tag, milliseconds),
    async end() {
      await new Promise<void>((resolve) => socket.close(resolve))
      return ear.take()
    },
  }
}

function connectUdp(socket: DatagramSocket, to: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.connect(to.port, to.address, (error?: Error) => (error ? reject(error) : resolve())),
  )
}

function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message
}
