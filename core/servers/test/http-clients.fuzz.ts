import assert from 'node:assert/strict'
import { get } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { damagedText } from '../../../test/fuzz/damaged.ts'
import type { Address } from '../../network/address.ts'
import { textAnswer } from '../http-answer.ts'
import { startHttpServer } from '../http-server.ts'

const piece = fc.oneof(
  fc.constantFrom(
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n',
    'HEAD /large?a=%ff HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n',
    'GET /large HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
    '\r\n',
  ),
  fc.string({ maxLength: 20, unit: 'binary' }),
  damagedText('GET /?who=you HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n'),
)
const client = fc.record({
  pieces: fc.array(piece, { maxLength: 4 }),
  /** What is left out at the end of it all. */
  cut: fc.constantFrom(0, 1, 5),
  end: fc.constantFrom('end' as const, 'destroy' as const, 'reset' as const, 'wait' as const),
})

/** Sends, and goes in one of the ways in which clients go; resolves when the connection is over, or may stay. */
function visit(
  port: number,
  { pieces, cut, end }: typeof client extends fc.Arbitrary<infer One> ? One : never,
) {
  return new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      const sent = pieces.join('')
      socket.write(sent.slice(0, Math.max(0, sent.length - cut)), 'latin1', () => {
        if (end === 'end') socket.end()
        else if (end === 'destroy') socket.destroy()
        else if (end === 'reset') socket.resetAndDestroy()
        else setImmediate(resolve)
      })
    })
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => resolve())
    socket.unref()
  })
}

/**
 * Asks on a connection of its own. One kept from the question before may be the oldest of too many, and is then ended while
 * this question is on its way.
 */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (response) => resolve(text(response))).on('error', reject)
  })
}

const faults: unknown[] = []

/** One for all inputs. */
async function start(): Promise<number> {
  const error = (fields: object): void => void faults.push(fields)
  const server = await startHttpServer({
    name: 'test',
    addresses: [{ address: '127.0.0.1' as Address, port: 0 }],
    handler: async ({ path }) => {
      if (path === '/slow') await new Promise((resolve) => setTimeout(resolve, 5))
      return textAnswer(200, path === '/large' ? 'x'.repeat(1_000_000) : 'well\n')
    },
    hardFail: true,
    logger: { debug() {}, info() {}, warn() {}, error },
  })
  return server.addresses[0]?.port ?? 0
}

let listening: Promise<number> | undefined

/** Whatever clients send, and however they go, the next one is answered, and no handler throws. */
export const clients = fc.asyncProperty(
  fc.array(client, { minLength: 1, maxLength: 8 }),
  async (together) => {
    listening ??= start()
    const port = await listening
    await Promise.all(together.map((one) => visit(port, one)))
    assert.equal(await ask(port), 'well\n')
    assert.deepEqual(faults, [])
  },
)
