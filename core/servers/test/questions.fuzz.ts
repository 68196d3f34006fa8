import assert from 'node:assert/strict'
import fc from 'fast-check'
import { explainPage } from '../explain-page.ts'
import { tablePage } from '../table-page.ts'
import { ask } from './asking.ts'
import { knownNode } from './known-node.ts'

const known = knownNode(3)
const explain = explainPage(known, { trace: (_, { verdict }) => [`the way to ${verdict}`] })
const pages = [explain, tablePage(known)]

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
    for (const page of pages) {
      const { status, body } = await ask(page, new URLSearchParams(pairs).toString())
      assert.ok([200, 400, 404].includes(status))
      assert.ok(String(body).length < 100_000)
    }
  },
)
