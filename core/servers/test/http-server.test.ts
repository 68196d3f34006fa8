import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import type { SocketAddress } from '../../config/socket-address.ts'
import type { EventFields, Logger } from '../../log/logger.ts'
import type { Address } from '../../network/address.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { ConnectionBudget } from '../connection-budget.ts'
import { byPath, type HttpHandler, textAnswer } from '../http-answer.ts'
import { HttpListener } from '../http-listener.ts'
import { type HttpServerOptions, type RunningHttpServer, startHttpServer } from '../http-server.ts'
import { ServerError } from '../server-error.ts'
import { freePorts } from './health-bed.ts'

const localhost = '127.0.0.1' as Address
const hello: HttpHandler = ({ query }) =>
  textAnswer(200, `hello ${query.get('who')}\n`, { 'X-Greeting': 'yes' })

function recordingLogger(): { readonly events: string[]; readonly logger: Logger } {
  const events: string[] = []
  const note = (fields: EventFields): void => void events.push(fields.event)
  return { events, logger: { debug() {}, info: note, warn: note, error: note } }
}

async function start(options: Partial<HttpServerOptions>): Promise<RunningHttpServer> {
  const { logger } = recordingLogger()
  const standard = { name: 'test', addresses: [{ address: localhost, port: 0 }], hardFail: false }
  return startHttpServer({ ...standard, handler: byPath({ '/hello': hello }), logger, ...options })
}

function url({ addresses: [first] }: RunningHttpServer, path: string): string {
  return `http://127.0.0.1:${first?.port}${path}`
}

/** A port that something else listens on, and that nobody else takes when it is free again. */
async function takenPort(): Promise<SocketAddress & AsyncDisposable> {
  const [port = 0] = await freePorts(1)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { address: localhost, port, [Symbol.asyncDispose]: close }
}

test('it answers by path, with the query, and says nosniff', async (t) => {
  const server = await start({})
  const answer = await fetch(url(server, '/hello?who=you'))
  t.is(answer.status, 200)
  t.is(answer.headers.get('x-greeting'), 'yes')
  t.is(answer.headers.get('x-content-type-options'), 'nosniff')
  t.is(await answer.text(), 'hello you\n')
  t.is((await fetch(url(server, '/other'))).status, 404)
  t.is((await fetch(url(server, '/constructor'))).status, 404)
  await server.close()
})

test('HEAD is GET without the body, and any other method is refused', async (t) => {
  const server = await start({})
  const head = await fetch(url(server, '/hello?who=you'), { method: 'HEAD' })
  t.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10', ''])
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const answer = await fetch(url(server, '/hello'), { method })
    t.deepEqual([answer.status, answer.headers.get('allow')], [405, 'GET, HEAD'], method)
  }
  await server.close()
})

test('a handler that throws is a 500 and one line of the log, whoever asks how often', async (t) => {
  const { events, logger } = recordingLogger()
  const thrown: HttpHandler = () => {
    throw new Error('oops')
  }
  const rejected: HttpHandler = () => Promise.reject(new Error('oops'))
  const unsendable: HttpHandler = () => textAnswer(200, '', { 'X-Broken': 'a\nb' })
  const server = await start({ logger, handler: byPath({ '/a': thrown, '/b': rejected, '/c': unsendable }) })
  t.is((await fetch(url(server, '/a'))).status, 500)
  t.is((await fetch(url(server, '/b'))).status, 500)
  await t.throwsAsync(fetch(url(server, '/c')))
  t.deepEqual(events, ['server-listening', 'request-failed'])
  await server.close()
})

test('an address that is taken is tried again every 5 s, and told once', async (t) => {
  const { events, logger } = recordingLogger()
  const clock = new VirtualClock()
  const taken = await takenPort()
  const free = { address: localhost, port: 0 }
  const server = await start({ addresses: [taken, free], logger, clock })
  t.is(server.addresses.length, 1, 'the other address serves meanwhile')
  await clock.pass(12_000)
  t.deepEqual(events.toSorted(), ['server-listening', 'server-unavailable'])
  await taken[Symbol.asyncDispose]()
  await clock.pass(5000)
  while (server.addresses.length < 2) await new Promise(setImmediate)
  t.is(events.filter((event) => event === 'server-listening').length, 2)
  t.is((await fetch(`http://127.0.0.1:${taken.port}/hello`)).status, 200)
  await server.close()
  await clock.pass(60_000)
  t.is(server.addresses.length, 0)
})

test('with hardFail it is an error that names server, address and fix, and nothing stays open', async (t) => {
  await using taken = await takenPort()
  const { events, logger } = recordingLogger()
  const clock = new VirtualClock()
  const [port = 0] = await freePorts(1)
  const other = { address: localhost, port }
  const error = await t.throwsAsync(start({ addresses: [other, taken], hardFail: true, logger, clock }), {
    instanceOf: ServerError,
    code: 'SERVER_ADDRESS_UNAVAILABLE',
    message: new RegExp(`^the test server can't listen on 127\\.0\\.0\\.1:${taken.port}: .*EADDRINUSE`),
  })
  t.regex(error?.fix ?? '', /another program/)
  t.false(events.includes('server-unavailable'))
  await t.throwsAsync(fetch(`http://127.0.0.1:${other.port}/hello`))
})

/** Whether in order or by a reset. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

test('close ends connections that are open', async (t) => {
  const server = await start({ handler: () => new Promise(() => {}) })
  const [{ port } = { port: 0 }] = server.addresses
  const waiting = request({ port, host: '127.0.0.1' }).end()
  const idle = connect(port, '127.0.0.1')
  idle.on('error', () => {})
  const failed = once(waiting, 'error')
  await once(waiting, 'socket')
  await once(idle, 'connect')
  const ended = closed(idle)
  await server.close()
  await failed
  await ended
  await t.throwsAsync(fetch(url(server, '/hello')))
})

test('0.0.0.0 and :: are told apart, so that both may have one port', async (t) => {
  const [port = 0] = await freePorts(1)
  const server = await start({ addresses: [{ address: '0.0.0.0' as Address, port }], hardFail: true })
  const other = await start({ addresses: [{ address: '::' as Address, port }], hardFail: true })
  t.is((await fetch(`http://127.0.0.1:${port}/hello`)).status, 200)
  t.is((await fetch(`http://[::1]:${port}/hello`)).status, 200)
  await server.close()
  await t.throwsAsync(fetch(`http://127.0.0.1:${port}/hello`))
  t.is((await fetch(`http://[::1]:${port}/hello`)).status, 200)
  await other.close()
})

/** All that comes back for these bytes, until the server ends the connection. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

test('what no health check sends is refused, and its connection ended', async (t) => {
  const server = await start({})
  const [{ port } = { port: 0 }] = server.addresses
  const rows: readonly (readonly [what: string, text: string, answer: RegExp])[] = [
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['long headers', `GET /hello HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['long path', `GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 (431|414) /],
    ['no host', 'GET /hello HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'two lengths',
      'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    [
      'a body',
      'GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
      /^HTTP\/1\.1 200 .*Connection: close/s,
    ],
    ['HTTP/1.0', 'GET /hello HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 200 .*Connection: close/s],
    ['a URL', 'GET http://[ HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 (400|404) /],
  ]
  for (const [what, text, answer] of rows) t.regex(await raw(port, text), answer, what)
  await server.close()
})

test('requests that come together are answered in turn', async (t) => {
  const waits = [30, 0, 10]
  const server = await start({
    handler: async ({ query }) => {
      await new Promise((resolve) => setTimeout(resolve, waits.shift()))
      return hello({ method: 'GET', path: '/', query, headers: {} })
    },
  })
  const [{ port } = { port: 0 }] = server.addresses
  const ask = (who: string, more = '') => `GET /?who=${who} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
  const answer = await raw(port, ask('a') + ask('b') + ask('c', 'Connection: close\r\n'))
  t.deepEqual(answer.match(/hello \w/g), ['hello a', 'hello b', 'hello c'])
  await server.close()
})

test('who asks on and on without reading is given nothing that would fill the memory', async (t) => {
  let answers = 0
  const large = 'x'.repeat(8_000_000)
  const server = await start({
    handler: () => {
      answers += 1
      return textAnswer(200, large)
    },
  })
  const [{ port } = { port: 0 }] = server.addresses
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const ended = closed(socket)
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000))
  while (answers === 0) await new Promise(setImmediate)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.is(answers, 1)
  socket.resume()
  await ended
  t.pass('so many at once end the connection')
  t.is((await fetch(url(server, '/'))).status, 200)
  await server.close()
})

test('the oldest connection makes room for one that is too many', async (t) => {
  const connections = new ConnectionBudget(2)
  const listener = new HttpListener({
    handler: hello,
    connections,
    onFault: (error) => t.fail(String(error)),
  })
  const { port } = await listener.listen({ address: localhost, port: 0 })
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const first = await open()
  const ended = closed(first)
  await open()
  t.is((await fetch(`http://127.0.0.1:${port}/`)).status, 200)
  await ended
  while (connections.size > 2) await new Promise(setImmediate)
  t.is(connections.size, 2)
  await listener.close()
  await listener.listen({ address: localhost, port })
  t.is((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'it can listen again')
  await listener.close()
})
