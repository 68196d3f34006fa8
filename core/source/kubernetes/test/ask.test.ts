import type { ApiServerOptions } from '@portolan/api-server'
import test from 'ava'
import type { ApiQuestion, ApiReply } from '../../cluster-source.ts'
import type { ObservedSource } from './observed-source.ts'
import { scene } from './small-cluster.ts'

// Requests beside list and watch, by the same connection.

const transports: readonly (readonly [string, ApiServerOptions])[] = [
  ['HTTP/2', {}],
  ['HTTP/1.1 over TLS', { http2: false }],
  ['plain HTTP/1.1', { plain: true }],
]

const events = '/apis/events.k8s.io/v1/namespaces/shop/events'
const never = new AbortController().signal

const question = (method: ApiQuestion['method'], path: string, contentType: string, body: object) => ({
  method,
  path,
  body: { contentType, text: JSON.stringify(body) },
})

function ask({ source }: ObservedSource, asked: ApiQuestion): Promise<ApiReply> {
  if (source.api === undefined) throw new Error('it reads from an API server')
  return source.api.ask(asked, never)
}

for (const [transport, options] of transports) {
  test(`${transport}: an object is created, changed and read beside the watches`, async (t) => {
    await using scenery = await scene(options)
    const { observed } = scenery
    await observed.until((o) => o.allSynced)
    const object = { metadata: { name: 'web.1' }, note: 'wörter'.repeat(5000) }
    const created = await ask(observed, question('POST', events, 'application/json', object))
    t.is(created.status, 201)
    const patch = { series: { count: 2 } }
    const path = `${events}/web.1`
    await ask(observed, question('PATCH', path, 'application/merge-patch+json', patch))
    const { status, body } = await ask(observed, { method: 'GET', path })
    t.is(status, 200)
    const { note, series } = body as { readonly note: string; readonly series: object }
    t.is(note, object.note)
    t.deepEqual(series, { count: 2 })
    t.deepEqual(observed.complaints(), [])
  })
}

test('a refusal is an answer, with what the server says', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  server.break('Event', { kind: 'forbidden', user: 'system:kube-proxy' })
  const { status, message } = await ask(observed, question('POST', events, 'application/json', {}))
  t.is(status, 403)
  t.regex(message, /User "system:kube-proxy" cannot create resource "events" in API group "events\.k8s\.io"/)
})

test('a server that is away answers nothing, and one that came back does', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  await server.stop()
  await t.throwsAsync(() => ask(observed, { method: 'GET', path: events }))
  await server.start()
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const answer = await ask(observed, { method: 'GET', path: events }).catch(() => undefined)
    if (answer?.status === 200) return t.pass()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.fail('never answered')
})

test('who asks may stop to wait, and a source that is stopped answers nothing', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.break('Event', { kind: 'hang' })
  const asking = new AbortController()
  const answer = observed.source.api?.ask({ method: 'GET', path: events }, asking.signal)
  asking.abort()
  await t.throwsAsync(async () => answer)
  const other = observed.source.api?.ask({ method: 'GET', path: events }, never)
  const failed = t.throwsAsync(async () => other)
  await observed.source.stop()
  await failed
})
