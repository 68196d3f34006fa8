import test from 'ava'
import fc from 'fast-check'
import { explainPage } from '../explain-page.ts'
import { ask, askJson } from './asking.ts'
import { knownNode } from './known-node.ts'
import { questions } from './questions.fuzz.ts'

const known = knownNode(3)
const page = explainPage(known, { trace: (_, { verdict }) => [`the way to ${verdict}`] })

test('it answers as portolan explain does', async (t) => {
  const { status, body } = await askJson(page, 'from=outside&to=10.96.0.1:80')
  t.is(status, 200)
  t.like(body, {
    verdict: 'balance',
    endpoints: ['10.1.0.1:8080'],
    route: 'default/web-1',
    frontend: 'ClusterIP',
    rules: ['the way to balance'],
    kernel: null,
  } as never)
})

test('a NodePort is asked for at the node, and as text for a person', async (t) => {
  const { headers, body } = await ask(page, 'from=outside&to=node:30080&format=text')
  t.is(headers['Content-Type'], 'text/plain; charset=utf-8')
  t.regex(String(body), /^verdict +balance\nservice +default\/web-0 \(NodePort\)$/m)
})

test('a family that the node has no address of is not found', async (t) => {
  t.is((await askJson(page, 'from=outside&to=node:30080&family=IPv6')).status, 404)
})

for (const query of [
  '',
  'from=outside',
  'to=10.96.0.1:80',
  'from=moon&to=10.96.0.1:80',
  'from=outside&to=web',
  'from=outside&to=10.96.0.1:80&family=4',
  'from=outside&to=10.96.0.1:80&format=xml',
  'from=outside&to=10.96.0.1:80&format=json&verbose=1',
  'from=fd00::1&to=10.96.0.1:80',
]) {
  test(`'${query}' is refused, with what to do`, async (t) => {
    const { status, body } = await askJson(page, query)
    t.is(status, 400)
    t.true((body as { fix: string }).fix.length > 3)
  })
}

test('whatever is asked, the answer is a page or says what is wrong', async (t) => {
  await fc.assert(questions, { numRuns: 2000 })
  t.pass()
})
