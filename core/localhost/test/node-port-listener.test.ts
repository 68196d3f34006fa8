import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import test from 'ava'
import type { Address } from '../../network/address.ts'
import type { RouteKey } from '../../table/service-route.ts'
import { type Clock, systemClock } from '../../time/clock.ts'
import type { ForwardedPort } from '../forwarded-port.ts'
import { ListenerCount } from '../listener-count.ts'
import { type ForwardingObserver, NodePortListener } from '../node-port-listener.ts'
import { type Relay, type RelayTimeouts, usualTimeouts } from '../relay.ts'
import { RelayCount, type RelayLimits } from '../relay-limits.ts'

let addresses = 0

/** Of this process alone. */
function ownAddress(): Address {
  addresses += 1
  return `127.${(process.pid >> 8) & 255 || 1}.${process.pid & 255}.${addresses}` as Address
}

/** An endpoint that says who it is and then what it hears, until the other side ends. */
async function endpoint(): Promise<{ address: Address; port: number; server: Server; sockets: Socket[] }> {
  const address = ownAddress()
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write(`${address}\n`)
    socket.pipe(socket)
  })
  return { address, port: await listen(server, address), server, sockets }
}

/** At a port that is free there, whoever has which ports at all addresses. */
async function listen(server: Server, address: Address): Promise<number> {
  server.listen(0, address)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

class Place {
  readonly told: string[] = []
  readonly relays = new Set<Relay>()
  readonly address = ownAddress()
  readonly count: RelayCount
  readonly listeners = new ListenerCount(1)
  readonly #timeouts: RelayTimeouts
  readonly #clock: Clock

  constructor(limits: RelayLimits, timeouts: RelayTimeouts, clock: Clock) {
    this.count = new RelayCount(limits)
    this.#timeouts = timeouts
    this.#clock = clock
  }

  listener(port: ForwardedPort): NodePortListener {
    const observer: ForwardingObserver = {
      onPortUnavailable: (_, error) => this.#tell(`unavailable ${(error as NodeJS.ErrnoException).code}`),
      onPortAvailable: () => this.#tell('available'),
      onListenFailed: () => this.#tell('failed'),
      onFull: ({ port }) => this.#tell(`full ${port}`),
      onUnreachable: () => this.#tell('unreachable'),
    }
    const { address, count, listeners } = this
    const options = { address, count, listeners, timeouts: this.#timeouts, observer }
    return new NodePortListener(port, { ...options, clock: this.#clock, random: Math.random }, this.relays)
  }

  until(told: string): Promise<void> {
    return until(() => this.told.includes(told))
  }

  #tell(what: string): void {
    this.told.push(what)
  }
}

function newPlace({
  limits = { total: 10, perPort: 10 },
  timeouts = {} as Partial<RelayTimeouts>,
  clock = systemClock,
} = {}): Place {
  return new Place(limits, { ...usualTimeouts, ...timeouts }, clock)
}

function forwarded(...endpoints: { address: Address; port: number }[]): ForwardedPort {
  const some = endpoints.map(({ address, port }) => ({ address, port }))
  return { port: 30_080, route: 'shop/web/TCP' as RouteKey, name: 'shop/web', endpoints: some }
}

/** A client, and what it hears. */
class Client {
  readonly socket: Socket
  readonly closed: Promise<void>
  #text = ''
  #wake: () => void = () => {}
  #isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8')
    socket.on('error', () => {})
    socket.on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    this.closed = new Promise((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
    this.closed.then(() => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** The next line; `(closed)` where none comes any more. */
  async line(): Promise<string> {
    while (!this.#text.includes('\n')) {
      if (this.#isClosed) return '(closed)'
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const [line = '', ...rest] = this.#text.split('\n')
    this.#text = rest.join('\n')
    return line
  }
}

/** Tries until somebody listens; it may be closed already, by a reset. */
async function connected(address: Address): Promise<Socket> {
  for (;;) {
    const socket = connect({ host: address, port: 30_080, allowHalfOpen: true })
    const failure = await new Promise<string | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined))
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code))
    })
    if (failure !== 'ECONNREFUSED') return socket
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

async function client(address: Address): Promise<Client> {
  return new Client(await connected(address))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test('established connections stay with their endpoint, new ones follow the change, and a closed port refuses', async (t) => {
  const [one, other] = [await endpoint(), await endpoint()]
  const place = newPlace()
  const listener = place.listener(forwarded(one))
  const first = await client(place.address)
  t.is(await first.line(), one.address)
  listener.update(forwarded(other))
  const second = await client(place.address)
  t.is(await second.line(), other.address)
  listener.close()
  const refused = connect({ host: place.address, port: 30_080 })
  const [error] = await once(refused, 'error')
  t.is(error.code, 'ECONNREFUSED')
  first.socket.write('still here\n')
  t.is(await first.line(), 'still here')
  first.socket.end()
  second.socket.end()
  await Promise.all([first.closed, second.closed])
  await until(() => place.count.total === 0)
  t.is(place.relays.size, 0)
  one.server.close()
  other.server.close()
})

test('a port that is taken is told once and tried again, until it is free', async (t) => {
  const one = await endpoint()
  const retries: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    after(_, task) {
      retries.push(task)
      return () => {}
    },
  }
  const place = newPlace({ clock })
  const holder = createServer().listen(30_080, place.address)
  await once(holder, 'listening')
  const listener = place.listener(forwarded(one))
  await place.until('unavailable EADDRINUSE')
  place.told.length = 0
  retries.pop()?.()
  await place.until('failed')
  t.deepEqual(place.told, ['failed'])
  holder.close()
  await once(holder, 'close')
  retries.pop()?.()
  await place.until('available')
  const socket = await client(place.address)
  t.is(await socket.line(), one.address)
  socket.socket.destroy()
  listener.close()
  one.server.close()
})

test('no more ports are listened at than there are files for, and one that is given up makes room', async (t) => {
  const one = await endpoint()
  const retries: (() => void)[] = []
  const clock: Clock = {
    now: () => 0,
    after(_, task) {
      retries.push(task)
      return () => {}
    },
  }
  const place = newPlace({ clock })
  const first = place.listener(forwarded(one))
  await until(() => first.isListening)
  const second = place.listener({ ...forwarded(one), port: 30_081 })
  await place.until('unavailable EMFILE')
  retries.pop()?.()
  t.deepEqual(place.told, ['failed', 'unavailable EMFILE', 'failed'])
  t.false(second.isListening)
  first.close()
  retries.pop()?.()
  await place.until('available')
  t.true(second.isListening)
  second.close()
  second.close()
  t.true(place.listeners.take(), 'what is closed twice is given back once')
  t.false(place.listeners.take())
  one.server.close()
})

test('a port that is closed while it waits for another attempt is not tried again', async (t) => {
  const cancelled: boolean[] = []
  const clock: Clock = { now: () => 0, after: () => () => cancelled.push(true) }
  const place = newPlace({ clock })
  const holder = createServer().listen(30_080, place.address)
  await once(holder, 'listening')
  const listener = place.listener(forwarded({ address: ownAddress(), port: 1 }))
  await place.until('failed')
  listener.close()
  t.deepEqual(cancelled, [true])
  holder.close()
})

test('no more connections are open than the limit, the next one is reset, and those that end make room', async (t) => {
  const one = await endpoint()
  const place = newPlace({ limits: { total: 3, perPort: 2 } })
  const listener = place.listener(forwarded(one))
  const sockets = [await client(place.address), await client(place.address)]
  for (const socket of sockets) t.is(await socket.line(), one.address)
  const third = await client(place.address)
  t.is(await third.line(), '(closed)')
  t.deepEqual(place.told, ['full 30080'])
  t.is(place.relays.size, 2)
  t.is(one.sockets.length, 2)
  sockets[0]?.socket.destroy()
  await until(() => place.count.total === 1)
  const fourth = await client(place.address)
  t.is(await fourth.line(), one.address)
  for (const { socket } of [...sockets, fourth]) socket.destroy()
  listener.close()
  one.server.close()
})

test('a client is reset when its endpoint refuses', async (t) => {
  const place = newPlace()
  const listener = place.listener(forwarded({ address: ownAddress(), port: 1 }))
  const socket = await client(place.address)
  t.is(await socket.line(), '(closed)')
  t.deepEqual(place.told, ['unreachable'])
  await until(() => place.count.total === 0)
  t.pass()
  listener.close()
})

test('a connection without a byte for too long ends on both sides', async (t) => {
  const one = await endpoint()
  const place = newPlace({ timeouts: { idle: 50 } })
  const listener = place.listener(forwarded(one))
  const socket = await client(place.address)
  await socket.closed
  await until(() => place.count.total === 0 && one.sockets.every(({ destroyed }) => destroyed))
  t.pass()
  listener.close()
  one.server.close()
})

test('a connection of which one side has ended waits for the other no longer than half-closed ones do', async (t) => {
  const silent = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.resume()
  })
  const address = ownAddress()
  const port = await listen(silent, address)
  const place = newPlace({ timeouts: { halfClosed: 50 } })
  const listener = place.listener(forwarded({ address, port }))
  const socket = await client(place.address)
  socket.socket.end()
  await socket.closed
  await until(() => place.count.total === 0)
  t.pass()
  listener.close()
  silent.close()
})

test('a client that reads nothing makes its endpoint wait, and gets all of it later', async (t) => {
  const size = 64 << 20
  let written = 0
  const address = ownAddress()
  const chunk = Buffer.alloc(1 << 16, 'x')
  const server = createServer((socket) => {
    const write = () => {
      while (written < size) {
        written += chunk.length
        if (!socket.write(chunk)) return
      }
      socket.end()
    }
    socket.on('drain', write)
    write()
  })
  const port = await listen(server, address)
  const place = newPlace()
  const listener = place.listener(forwarded({ address, port }))
  const socket = await connected(place.address)
  // No more is written once every buffer on the way is full.
  let before = -1
  while (written !== before) {
    before = written
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  t.true(written < size, `${written} bytes went into buffers`)
  let read = 0
  socket.on('data', (data: Buffer) => {
    read += data.length
  })
  await once(socket, 'end')
  t.is(read, size)
  socket.end()
  listener.close()
  server.close()
})
