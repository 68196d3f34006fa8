import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { damagedBytes } from '../../../test/fuzz/damaged.ts'
import type { Address } from '../../network/address.ts'
import { ConnectionBudget } from '../connection-budget.ts'
import { explainPage } from '../explain-page.ts'
import { byPath } from '../http-answer.ts'
import { HttpListener } from '../http-listener.ts'
import { tablePage } from '../table-page.ts'
import { ask } from './asking.ts'
import { knownNode } from './known-node.ts'

const known = knownNode(3)
const pages = {
  '/explain': explainPage(known, { trace: (_, { verdict }) => [`the way to ${verdict}`] }),
  '/table': tablePage(known),
}

/** What is meant, what is nearly meant, and anything else. */
const value = fc.oneof(
  fc.constantFrom(
    'pod',
    'node',
    'outside',
    '10.96.0.1',
    '10.96.0.1:80',
    'node:30080',
    '[fd00::1]:80',
    'IPv4',
    '5',
  ),
  fc.constantFrom('default/web-1', '%', '\u0000', '__proto__', '10.96.0.1:80/', '::', '[', '9'.repeat(700)),
  fc.string({ unit: 'binary' }),
)
const name = fc.oneof(
  fc.constantFrom('from', 'to', 'family', 'format', 'service', 'address', 'endpoint', 'limit', 'after'),
  fc.constantFrom('__proto__', 'constructor', 'toString', ''),
  fc.string(),
)

/** Whatever is asked, the answer is a page or says what is wrong. */
export const questions = fc.asyncProperty(
  fc.array(fc.tuple(name, value), { maxLength: 5 }),
  async (pairs) => {
    for (const page of Object.values(pages)) {
      const { status, body } = await ask(page, new URLSearchParams(pairs).toString())
      assert.ok([200, 400, 404].includes(status))
      assert.ok(String(body).length < 100_000)
    }
  },
)

/** One for all inputs; with room for few connections, so that those which are left hanging make room. */
async function listening(): Promise<{ readonly port: number; readonly faults: unknown[] }> {
  const faults: unknown[] = []
  const listener = new HttpListener({
    handler: byPath(pages),
    connections: new ConnectionBudget(8),
    onFault: (error) => void faults.push(error),
    onBroken: (error) => void faults.push(error),
  })
  const { port } = await listener.listen({ address: '127.0.0.1' as Address, port: 0 })
  return { port, faults }
}

let server: ReturnType<typeof listening> | undefined

/** Sends bytes and no more; what came back when the other side had done with them. */
async function answerTo(port: number, bytes: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  let answer = ''
  socket.on('data', (data) => {
    answer += data.toString('latin1')
  })
  socket.on('error', () => {})
  socket.end(bytes)
  await once(socket, 'close')
  return answer
}

const question = 'from=outside&to=10.96.0.1:80'
const right = [
  `GET /explain?${question} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n`,
  `HEAD /table?limit=5 HTTP/1.1\r\nHost: node\r\nAccept-Encoding: gzip\r\n\r\nGET /table HTTP/1.0\r\n\r\n`,
  `POST /table HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
].map((text) => Buffer.from(text))

/** Whatever comes, what goes is HTTP, no handler throws, and the next one is answered. */
export const bytes = fc.asyncProperty(damagedBytes(...right), async (input) => {
  server ??= listening()
  const { port, faults } = await server
  assert.match(await answerTo(port, input), /^(HTTP\/1\.1 [2345]\d\d |$)/)
  const next = await answerTo(port, right[0] ?? Buffer.alloc(0))
  assert.match(next, /^HTTP\/1\.1 200 OK\r\n/)
  assert.deepEqual(faults, [])
})
