import test from 'ava'
import type { EventFields } from '../../log/logger.ts'
import type { ApiQuestion, ApiReply } from '../../source/cluster-source.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import type { ClusterEvent } from '../cluster-event.ts'
import { EventRecorder } from '../event-recorder.ts'
import { objectProblem, proxyHealthCheckFailed, serviceHealthCheckFailed, starting } from '../proxy-events.ts'

const minute = 60_000
const reply = (status: number, body: unknown = {}): ApiReply => ({
  status,
  body,
  message: status === 403 ? 'User "x" cannot create resource "events"' : '',
  retryAfterMs: undefined,
})
const started = starting('node-a', '1', 'nftables')
const unhealthy = proxyHealthCheckFailed('node-a', 'in use')

interface Asked {
  readonly at: number
  readonly method: string
  readonly path: string
  /** What tests look at of a body. */
  readonly said: {
    readonly reason: string
    readonly eventTime: string
    readonly metadata: { readonly name: string }
    readonly regarding: { readonly uid?: string }
    readonly series: { readonly count: number; readonly lastObservedTime: string }
  }
}

/** A recorder, and an API server that answers as it is told to; `undefined`: not at all. */
function recording(answer: (request: ApiQuestion) => ApiReply | undefined = () => reply(201)) {
  const clock = new VirtualClock()
  const requests: Asked[] = []
  const warnings: string[] = []
  const silent = (): void => {}
  const logger = {
    debug: silent,
    info: silent,
    warn: ({ event }: EventFields) => warnings.push(event),
    error: silent,
  }
  const date = () => clock.now()
  const recorder = new EventRecorder({ nodeName: 'node-a', logger, clock, date, random: () => 0.5 })
  const api = {
    async ask(request: ApiQuestion): Promise<ApiReply> {
      const { method, path, body } = request
      requests.push({ at: clock.now(), method, path, said: JSON.parse(body?.text ?? 'null') })
      const answered = answer(request)
      if (answered === undefined) throw new Error('away')
      return answered
    },
  }
  const of = (method: string) => requests.filter((request) => request.method === method)
  return { clock, recorder, requests, warnings, api, of }
}

test('what was recorded before the API server is known is told once it is', async (t) => {
  const { clock, recorder, api, of } = recording()
  recorder.record(started)
  await clock.pass(minute)
  t.is(of('POST').length, 0)
  recorder.start(api)
  await clock.pass(0)
  t.deepEqual(
    of('POST').map(({ path, said }) => [path, said.reason, said.eventTime]),
    [['/apis/events.k8s.io/v1/namespaces/default/events', 'Starting', '1970-01-01T00:00:00.000000Z']],
  )
})

test('the same again is a count of the first, updated at once and then every five minutes', async (t) => {
  const { clock, recorder, api, of } = recording(({ method }) => reply(method === 'PATCH' ? 200 : 201))
  recorder.start(api)
  for (let second = 0; second < 600; second++) {
    recorder.record(unhealthy)
    await clock.pass(1000)
  }
  t.is(of('POST').length, 1)
  t.deepEqual(
    of('PATCH').map(({ at, said }) => [at, said.series.count]),
    [
      [1000, 2],
      [301_000, 301],
    ],
  )
  const name = of('POST')[0]?.said.metadata.name
  t.is(of('PATCH')[0]?.path, `/apis/events.k8s.io/v1/namespaces/default/events/${name}`)
  t.is(of('PATCH')[0]?.said.series.lastObservedTime, '1970-01-01T00:00:01.000000Z')
})

test('after six quiet minutes, or when the Event has expired, it is told anew', async (t) => {
  const { clock, recorder, api, of } = recording(({ method }) => reply(method === 'PATCH' ? 404 : 201))
  recorder.start(api)
  recorder.record(unhealthy)
  await clock.pass(6 * minute)
  recorder.record(unhealthy)
  await clock.pass(0)
  t.is(of('POST').length, 2)
  // The API server doesn't know it any more.
  recorder.record(unhealthy)
  await clock.pass(0)
  recorder.record(unhealthy)
  await clock.pass(0)
  t.deepEqual([of('POST').length, of('PATCH').length], [3, 1])
  t.is(new Set(of('POST').map(({ said }) => said.metadata.name)).size, 3)
})

test("a Service's Event has its uid, by which kubectl describe finds it", async (t) => {
  const { clock, recorder, api, requests } = recording(({ method }) =>
    method === 'GET' ? reply(200, { items: [{ metadata: { uid: '12-34' } }] }) : reply(201),
  )
  recorder.start(api)
  recorder.record(serviceHealthCheckFailed('shop/web', 30000, 'in use'))
  await clock.pass(0)
  t.deepEqual(
    requests.map(({ method, path }) => `${method} ${path}`),
    [
      'GET /api/v1/namespaces/shop/services?fieldSelector=metadata.name%3Dweb&limit=1',
      'POST /apis/events.k8s.io/v1/namespaces/shop/events',
    ],
  )
  t.is(requests[1]?.said.regarding.uid, '12-34')
})

test('what every node finds is told some time later, and not again where another node was first', async (t) => {
  const { clock, recorder, api, of } = recording(({ method }) => reply(method === 'GET' ? 200 : 409))
  recorder.start(api)
  const problem = {
    kind: 'Service',
    object: 'shop/web',
    field: 'spec',
    value: '1',
    fix: 'x',
    skipped: 'value',
  }
  const event = objectProblem(problem as Parameters<typeof objectProblem>[0])
  for (let times = 0; times < 3; times++) recorder.record(event)
  await clock.pass(10 * minute)
  t.deepEqual(
    of('POST').map(({ at }) => at),
    [15_000],
  )
})

test('an API server that is away is asked again, for a while, and what is told then says when it happened', async (t) => {
  let away = true
  const { clock, recorder, api, of } = recording(() => (away ? undefined : reply(201)))
  recorder.start(api)
  await clock.pass(5000)
  recorder.record(started)
  await clock.pass(20_000)
  const tried = of('POST').length
  t.true(tried >= 3 && tried <= 6, `${tried}`)
  away = false
  await clock.pass(2 * minute)
  t.is(of('POST').length, tried + 1)
  t.is(of('POST').at(-1)?.said.eventTime, '1970-01-01T00:00:05.000000Z')
  t.is(new Set(of('POST').map(({ said }) => said.metadata.name)).size, 1)
})

test('one that stays away is given up on, for one event after the other', async (t) => {
  const { clock, recorder, api, of } = recording(() => reply(503))
  recorder.start(api)
  recorder.record(started)
  await clock.pass(60 * minute)
  t.is(of('POST').length, 8)
})

test('who is to ask again after a month, more than any timer lasts, asks again after minutes', async (t) => {
  const monthMs = 30 * 24 * 60 * minute
  const { clock, recorder, api, of } = recording(() => ({ ...reply(503), retryAfterMs: monthMs }))
  recorder.start(api)
  recorder.record(started)
  await clock.pass(25 * minute)
  t.deepEqual(
    of('POST').map(({ at }) => at),
    [0, 10 * minute, 20 * minute],
  )
})

test('an answer that takes longer than a series lasts takes nothing from the next one', async (t) => {
  const { clock, recorder, api, of } = recording()
  const refusal = Promise.withResolvers<ApiReply>()
  let asked = 0
  recorder.start({ ask: (request) => (asked++ === 0 ? refusal.promise : api.ask(request)) })
  recorder.record(started)
  await clock.pass(6 * minute)
  recorder.record(started)
  refusal.resolve(reply(400))
  await clock.pass(0)
  await clock.pass(0)
  t.is(of('POST').length, 1)
})

test('who may not tell Events is told so once, and loses nothing else', async (t) => {
  const { clock, recorder, api, of, warnings } = recording(() => reply(403))
  recorder.start(api)
  for (let minutes = 0; minutes < 30; minutes++) {
    recorder.record(started)
    recorder.record(unhealthy)
    await clock.pass(minute)
  }
  t.deepEqual(warnings, ['events-forbidden'])
  t.true(of('POST').length > 2)
})

test('a namespace that is being deleted takes no Event, for which no permission is missing', async (t) => {
  const status = { reason: 'Forbidden', details: { causes: [{ reason: 'NamespaceTerminating' }] } }
  const { clock, recorder, api, of, warnings } = recording(({ method }) =>
    reply(method === 'POST' ? 403 : 200, method === 'POST' ? status : {}),
  )
  recorder.start(api)
  recorder.record(serviceHealthCheckFailed('shop/web', 32_000, 'in use'))
  await clock.pass(minute)
  t.is(of('POST').length, 1)
  t.deepEqual(warnings, [])
})

test('whatever happens, requests stay within their rate and events within their number', async (t) => {
  const { clock, recorder, api, requests } = recording()
  recorder.start(api)
  const event = (index: number): ClusterEvent => proxyHealthCheckFailed(`node-${index}`, 'in use')
  for (let index = 0; index < 10_000; index++) recorder.record(event(index))
  await clock.pass(0)
  t.is(requests.length, 20)
  await clock.pass(10 * minute)
  t.is(requests.length, 80)
  await clock.pass(600 * minute)
  t.is(requests.length, 200)
})

test('what is told of a Service costs two requests of the rate: one to look it up, and one to tell', async (t) => {
  const { clock, recorder, api, requests } = recording(({ method }) => reply(method === 'GET' ? 200 : 201))
  recorder.start(api)
  const problem = { kind: 'Service', object: 'shop/web', field: 'spec', fix: 'x', skipped: 'value' }
  for (let value = 0; value < 100; value++)
    recorder.record(objectProblem({ ...problem, value: `${value}` } as Parameters<typeof objectProblem>[0]))
  await clock.pass(minute)
  t.true(requests.length >= 20 && requests.length <= 20 + 6 + 1, `${requests.length} requests in a minute`)
  await clock.pass(10 * minute)
  t.true(requests.length <= 20 + 66 + 1, `${requests.length} requests in 11 minutes`)
})

test('however much authors of Services make happen, what is about the node is told, and first', async (t) => {
  const { clock, recorder, api, of } = recording(({ method }) => reply(method === 'GET' ? 200 : 201))
  recorder.start(api)
  const problem = { kind: 'Service', object: 'shop/web', field: 'spec', fix: 'x', skipped: 'value' }
  for (let value = 0; value < 1000; value++)
    recorder.record(objectProblem({ ...problem, value: `${value}` } as Parameters<typeof objectProblem>[0]))
  recorder.record(unhealthy)
  await clock.pass(5 * minute)
  const reasons = () => of('POST').map(({ said }) => said.reason)
  t.is(reasons()[0], 'FailedToStartProxierHealthcheck')
  t.true(reasons().length > 20 && reasons().length < 100)
  recorder.record(started)
  await clock.pass(10_000)
  t.is(reasons().at(-1), 'Starting')
})

test('after its stop nothing is told', async (t) => {
  const { clock, recorder, api, requests } = recording()
  recorder.start(api)
  recorder.record(started)
  recorder.stop()
  recorder.record(unhealthy)
  await clock.pass(minute)
  t.is(requests.length, 0)
})
