import type { ApiServer, ApiServerOptions, Fault, ServedRequest } from '@portolan/api-server'
import test from 'ava'
import type { ObservedSource } from './observed-source.ts'
import { listRequests, scene, service } from './small-cluster.ts'

// A list of several pages, some of which don't come at the first time.

const transports: readonly (readonly [string, ApiServerOptions])[] = [
  ['HTTP/2', {}],
  ['HTTP/1.1 over TLS', { http2: false }],
  ['plain HTTP/1.1', { plain: true }],
]

/** With the two of every scene, six pages. */
const many = Array.from({ length: 2601 }, (_, index) =>
  service(`s-${index}`, `10.97.${index >> 8}.${index & 255}`),
)

/** Back-off that a test would have to wait for if it grew: each second page is the first failure in a row. */
const timings = { retryMinMs: 20, retryMaxMs: 600_000, retryAfterMaxMs: 200, repeatLogMs: 0 }

const servicePages = (requests: readonly ServedRequest[]) =>
  requests.filter(
    ({ path, query }) => path === '/api/v1/services' && query.get('limit') === '500' && !query.has('watch'),
  )

const firstPages = (requests: readonly ServedRequest[]) => listRequests(servicePages(requests)).length

/** How often each page after the first was asked for, in their order. */
function asked(requests: readonly ServedRequest[]): number[] {
  const counts = new Map<string, number>()
  for (const { query } of servicePages(requests)) {
    const token = query.get('continue')
    if (token !== null) counts.set(token, (counts.get(token) ?? 0) + 1)
  }
  return [...counts.values()]
}

type Interruption = (server: ApiServer) => void

const answered =
  (fault: Fault): Interruption =>
  (server) =>
    server.break('Service', fault)

const interruptions: readonly (readonly [string, Interruption])[] = [
  ['429 with Retry-After', answered({ kind: 'status', status: 429, retryAfterSeconds: 1 })],
  ['503', answered({ kind: 'status', status: 503 })],
  ['504', answered({ kind: 'status', status: 504 })],
  ['a reset of the connection', (server) => server.resetConnections()],
  ['gzip that is cut off', answered({ kind: 'cut-off-gzip' })],
]

/** Interrupts the second, the fourth page and so on of a list of Services, each once. */
function interruptEachSecondPage(server: ApiServer, interrupt: Interruption): void {
  const seen = new Set<string>()
  server.onRequest = (request) => {
    // What an answer is spoilt by is looked up as soon as this has returned.
    server.heal()
    const token = servicePages([request])[0]?.query.get('continue') ?? undefined
    if (token === undefined || seen.has(token)) return
    seen.add(token)
    if (seen.size % 2 === 1) interrupt(server)
  }
}

const setsOf = (observed: ObservedSource) =>
  observed.deliveries.filter((line) => line.startsWith('set Service '))

for (const [transport, options] of transports) {
  for (const [what, interrupt] of interruptions) {
    test(`${transport}: after ${what} for each second page the list goes on with that page`, async (t) => {
      await using scenery = await scene(options, { timings }, (server) => {
        server.load(many)
        interruptEachSecondPage(server, interrupt)
      })
      const { server, observed } = scenery
      await observed.until((o) => o.allSynced)
      t.is(firstPages(server.requests), 1)
      t.deepEqual(asked(server.requests), [2, 1, 2, 1, 2])
      t.is(observed.keys('Service').length, many.length + 2)
      t.is(setsOf(observed).length, many.length + 2)
      const pauses = observed.complaints('services').map(({ fields }) => Number(fields.retryInMs ?? 0))
      t.true(
        pauses.every((ms) => ms <= 250),
        pauses.join(),
      )
      server.apply(service('api', '10.96.0.3'))
      await observed.until((o) => o.records.has('Service shop/api'))
    })
  }
}

test('what is gone goes with the last page of a list that was interrupted, and nothing else does', async (t) => {
  await using scenery = await scene({}, { timings }, (server) => server.load(many))
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const before = firstPages(server.requests)
  const { length } = observed.deliveries
  await server.stop()
  const gone = ['s-0', 's-1500', 's-999']
  for (const name of gone) server.remove('Service', 'shop', name)
  server.compact()
  interruptEachSecondPage(server, answered({ kind: 'status', status: 503 }))
  await server.start()
  const removed = () => observed.deliveries.slice(length).filter((line) => line.startsWith('remove'))
  await observed.until(() => removed().length > 0)
  t.is(firstPages(server.requests), before + 1)
  t.deepEqual(
    removed().sort(),
    gone.map((name) => `remove Service shop/${name}`),
  )
})

test('an older history behind a new connection is found before the next page', async (t) => {
  let restored = false
  await using scenery = await scene({}, { timings }, (server) => {
    server.load(many)
    const backup = server.checkpoint()
    server.apply(service('late', '10.96.0.3'))
    server.onRequest = (request) => {
      if (restored || servicePages([request])[0]?.query.has('continue') !== true) return
      restored = true
      server.restore(backup)
    }
  })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  t.false(observed.records.has('Service shop/late'))
  t.is(observed.keys('Service').length, many.length + 2)
  t.is(firstPages(server.requests), 2)
  const codes = observed.complaints('services').map(({ fields }) => fields.code)
  t.true(codes.includes('API_VERSION_WENT_BACK'), codes.join())
  t.false(codes.includes('API_EXPIRED'), codes.join())
})

const anew: readonly (readonly [string, readonly number[]])[] = [
  ['410', [410]],
  ['two answers in a row that say nothing of the page', [500, 500]],
]
for (const [what, statuses] of anew) {
  test(`${what} begin the list anew`, async (t) => {
    let refused = 0
    await using scenery = await scene({}, { timings }, (server) => {
      server.load(many)
      server.onRequest = (request) => {
        server.heal()
        if (servicePages([request])[0]?.query.has('continue') !== true) return
        const status = statuses[refused]
        if (status === undefined) return
        refused += 1
        server.break('Service', { kind: 'status', status })
      }
    })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    t.is(refused, statuses.length)
    t.is(firstPages(server.requests), 2)
    t.is(observed.keys('Service').length, many.length + 2)
    t.is(setsOf(observed).length, many.length + 2)
  })
}

test('a server that never gives more than the first page is asked ever more seldom', async (t) => {
  await using scenery = await scene({}, { timings }, (server) => {
    server.load(many)
    server.onRequest = (request) => {
      server.heal()
      if (servicePages([request])[0]?.query.has('continue') === true)
        server.break('Service', { kind: 'status', status: 500 })
    }
  })
  const { observed } = scenery
  const pauses = () => observed.complaints('services').map(({ fields }) => Number(fields.retryInMs))
  // Beyond what the first few failures come to.
  await observed.until(() => pauses().some((ms) => ms > 160))
  t.false(observed.isSynced('Service'))
})
