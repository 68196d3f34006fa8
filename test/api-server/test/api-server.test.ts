import { once } from 'node:events'
import * as http from 'node:http'
import * as http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { type ApiObject, ApiServer, type ApiServerOptions } from '../index.ts'

const slices = '/apis/discovery.k8s.io/v1/endpointslices'

const service = (name: string, clusterIP = '10.96.0.1', labels = {}): ApiObject => ({
  kind: 'Service',
  metadata: { name, namespace: 'shop', labels },
  spec: { clusterIP },
})

interface Served extends AsyncDisposable {
  readonly server: ApiServer
  request(path: string, init?: RequestInit): Promise<{ status: number; body: Answer }>
  /** The events of a watch until there are `count`. */
  watch(path: string, count: number): Promise<Event[]>
}

interface Answer {
  readonly kind?: string
  readonly reason?: string
  readonly metadata: { resourceVersion: string; continue?: string; name?: string; annotations?: object }
  readonly spec?: Record<string, unknown>
  readonly items?: readonly Answer[]
}

interface Event {
  readonly type: string
  readonly object: Answer & { code?: number }
}

async function served(options: ApiServerOptions = {}): Promise<Served> {
  const server = new ApiServer({ plain: true, ...options })
  await server.start()
  return {
    server,
    async request(path, init) {
      const response = await fetch(server.url + path, init)
      return { status: response.status, body: (await response.json()) as Answer }
    },
    async watch(path, count) {
      const stop = new AbortController()
      const response = await fetch(`${server.url}${path}`, { signal: stop.signal })
      const events: Event[] = []
      let text = ''
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString()
        const lines = text.split('\n')
        text = lines.pop() ?? ''
        for (const line of lines) events.push(JSON.parse(line))
        if (events.length >= count) break
      }
      stop.abort()
      return events
    },
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

const told = (events: readonly Event[]) =>
  events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`)

test('listens on loopback only', async (t) => {
  await using api = await served()
  t.is(new URL(api.server.url).hostname, '127.0.0.1')
})

test('a list in pages shows one moment, whatever happens between the pages', async (t) => {
  await using api = await served()
  api.server.load(['a', 'b', 'c'].map((name) => service(name)))
  const first = await api.request('/api/v1/services?limit=2')
  api.server.apply(service('aa'))
  api.server.remove('Service', 'shop', 'c')
  const second = await api.request(`/api/v1/services?limit=2&continue=${first.body.metadata.continue}`)
  const names = [first, second].map((page) => page.body.items?.map((item) => item.metadata.name))
  t.deepEqual(names, [['a', 'b'], ['c']])
  t.is(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion)
  t.is(second.body.metadata.continue, undefined)
})

test('the next page of a list is gone after compaction', async (t) => {
  await using api = await served()
  api.server.load(['a', 'b', 'c'].map((name) => service(name)))
  const { body } = await api.request('/api/v1/services?limit=2')
  api.server.compact()
  const next = await api.request(`/api/v1/services?limit=2&continue=${body.metadata.continue}`)
  t.is(next.status, 410)
  t.is(next.body.reason, 'Expired')
})

test('a watch replays what happened since its version, then follows', async (t) => {
  await using api = await served()
  const version = api.server.apply(service('a'))
  api.server.apply(service('b'))
  api.server.apply(service('b', '10.96.0.2'))
  const events = api.watch(`/api/v1/services?watch=true&resourceVersion=${version}`, 3)
  api.server.remove('Service', 'shop', 'a')
  t.deepEqual(told(await events), ['ADDED b', 'MODIFIED b', 'DELETED a'])
})

test('a watch-list sends what is there, the bookmark, and then what happens', async (t) => {
  await using api = await served()
  api.server.apply(service('a'))
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const events = api.watch(`/api/v1/services?${query}`, 3)
  while (api.server.watchCount('Service') === 0) await new Promise(setImmediate)
  api.server.apply(service('b'))
  const got = await events
  t.deepEqual(told(got), ['ADDED a', 'BOOKMARK ', 'ADDED b'])
  t.deepEqual(got[1]?.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' })
})

test('bookmarks carry the version of other resources', async (t) => {
  await using api = await served({ bookmarkIntervalMs: 20 })
  const version = api.server.apply(service('a'))
  const latest = api.server.apply({ kind: 'Node', metadata: { name: 'node-1' } })
  const path = `/api/v1/services?watch=true&resourceVersion=${version}&allowWatchBookmarks=true`
  const [bookmark] = await api.watch(path, 1)
  t.is(bookmark?.type, 'BOOKMARK')
  t.is(bookmark?.object.metadata.resourceVersion, latest)
})

test('a watch ends after its timeoutSeconds', async (t) => {
  await using api = await served()
  api.server.apply(service('a'))
  const events = await api.watch('/api/v1/services?watch=true&timeoutSeconds=1', 2)
  t.deepEqual(told(events), ['ADDED a'])
})

for (const [how, freezable, outcome] of [
  ['stop', false, 'ended'],
  ['kill', false, 'broken off'],
  ['kill', true, 'broken off'],
] as const)
  test(`watches are ${outcome} by a ${how}${freezable ? ' behind a relay' : ''}`, async (t) => {
    await using api = await served({ freezable })
    api.server.apply(service('a'))
    const request = http.get(`${api.server.url}/api/v1/services?watch=true`)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    for (const one of [request, response]) one.on('error', () => {})
    const closed = new Promise((resolve) => response.once('close', resolve))
    await once(response, 'data')
    await api.server[how]()
    await closed
    t.is(response.complete, outcome === 'ended')
    await api.server.start()
    const { status } = await api.request('/api/v1/namespaces/shop/services/a')
    t.is(status, 200, 'what it had is there, where it was')
  })

test('a watch from a version that was compacted away is answered with 410, where it is wished', async (t) => {
  await using api = await served({ expiredAs: 'status' })
  const version = api.server.apply(service('a'))
  api.server.apply(service('b'))
  api.server.compact()
  const { status } = await api.request(`/api/v1/services?watch=true&resourceVersion=${version}`)
  t.is(status, 410)
})

test('by itself it is answered with an ERROR event, as by kube-apiserver', async (t) => {
  await using api = await served()
  const version = api.server.apply(service('a'))
  api.server.apply(service('b'))
  api.server.compact()
  const [event] = await api.watch(`/api/v1/services?watch=true&resourceVersion=${version}`, 1)
  t.is(event?.type, 'ERROR')
  t.is(event?.object.code, 410)
})

test('the history is bounded', async (t) => {
  await using api = await served({ historyLimit: 10, expiredAs: 'status' })
  const version = api.server.apply(service('a'))
  for (let index = 0; index < 50; index++) api.server.apply(service('a', `10.96.1.${index}`))
  t.is((await api.request(`/api/v1/services?watch=true&resourceVersion=${version}`)).status, 410)
})

test('a compaction does not disturb a watch that is up to date', async (t) => {
  await using api = await served()
  const version = api.server.apply(service('a'))
  const events = api.watch(`/api/v1/services?watch=true&resourceVersion=${version}`, 1)
  while (api.server.watchCount('Service') === 0) await new Promise(setImmediate)
  api.server.apply({ kind: 'Node', metadata: { name: 'node-1' } })
  api.server.compact()
  api.server.apply(service('b'))
  t.deepEqual(told(await events), ['ADDED b'])
})

const selections = [
  ['labelSelector=!proxy', ['plain']],
  ['labelSelector=proxy', ['empty', 'other']],
  ['labelSelector=proxy=x', ['other']],
  ['labelSelector=proxy!=x', ['empty', 'plain']],
  ['labelSelector=proxy,proxy!=x', ['empty']],
  ['fieldSelector=spec.clusterIP!=None', ['empty', 'plain']],
  ['fieldSelector=metadata.name=plain', ['plain']],
  ['fieldSelector=metadata.namespace=nowhere', []],
] as const
for (const [query, names] of selections) {
  test(`${query} selects ${names.join(', ') || 'nothing'}`, async (t) => {
    await using api = await served()
    api.server.apply(service('plain'))
    api.server.apply(service('empty', '10.96.0.2', { proxy: '' }))
    api.server.apply(service('other', 'None', { proxy: 'x' }))
    const { body } = await api.request(`/api/v1/services?${encodeURI(query).replace('!=', '%21%3D')}`)
    t.deepEqual(
      body.items?.map((item) => item.metadata.name),
      [...names],
    )
  })
}

test('an object that leaves a selector arrives as DELETED in its last state that matched', async (t) => {
  await using api = await served()
  const version = api.server.apply(service('a'))
  const path = `/api/v1/services?watch=true&resourceVersion=${version}&labelSelector=!proxy`
  const changed = api.server.apply(service('a', '10.96.0.9', { proxy: '' }))
  api.server.apply(service('a', '10.96.0.8'))
  const events = await api.watch(path, 2)
  t.deepEqual(told(events), ['DELETED a', 'ADDED a'])
  t.is(events[0]?.object.spec?.clusterIP, '10.96.0.1')
  t.is(events[0]?.object.metadata.resourceVersion, changed)
})

test('a field that nothing can be selected by is a bad request', async (t) => {
  await using api = await served()
  const { status, body } = await api.request(`${slices}?fieldSelector=addressType=IPv4`)
  t.deepEqual([status, body.reason], [400, 'BadRequest'])
})

test('objects are created, read, replaced, patched and deleted as kubectl does it', async (t) => {
  await using api = await served()
  const collection = '/api/v1/namespaces/shop/services'
  const send = (method: string, body: object) => ({ method, body: JSON.stringify(body) })
  const created = await api.request(collection, send('POST', service('a')))
  t.deepEqual([created.status, created.body.kind], [201, 'Service'])
  t.is((await api.request(collection, send('POST', service('a')))).body.reason, 'AlreadyExists')
  const replaced = await api.request(`${collection}/a`, send('PUT', service('a', '10.96.0.2')))
  t.deepEqual([replaced.status, replaced.body.spec?.clusterIP], [200, '10.96.0.2'])
  const stale = { ...service('a'), metadata: created.body.metadata }
  t.is((await api.request(`${collection}/a`, send('PUT', stale))).body.reason, 'Conflict')
  const patched = await api.request(
    `${collection}/a`,
    send('PATCH', { spec: { type: 'NodePort', clusterIP: null } }),
  )
  t.is(patched.body.spec?.type, 'NodePort')
  t.is(patched.body.spec?.clusterIP, undefined)
  t.is((await api.request(`${collection}/a`, { method: 'DELETE' })).status, 200)
  t.is((await api.request(`${collection}/a`)).status, 404)
})

const refused = [
  ['a body that is no JSON', '{', 400],
  ['a name that is not the path’s', JSON.stringify(service('b')), 422],
  ['another namespace', JSON.stringify({ metadata: { name: 'a', namespace: 'x' } }), 400],
] as const
for (const [what, body, status] of refused) {
  test(`${what} is refused with ${status}`, async (t) => {
    await using api = await served()
    api.server.apply(service('a'))
    const answer = await api.request('/api/v1/namespaces/shop/services/a', { method: 'PUT', body })
    t.is(answer.status, status)
    t.is(answer.body.kind, 'Status')
  })
}

test('strangers get a 401, and a token opens', async (t) => {
  await using api = await served({ tokens: ['secret'] })
  t.is((await api.request('/version')).status, 401)
  t.is((await api.request('/version', { headers: { authorization: 'Bearer wrong' } })).status, 401)
  t.is((await api.request('/version', { headers: { authorization: 'Bearer secret' } })).status, 200)
})

test('after a restore objects and versions are the old ones', async (t) => {
  await using api = await served()
  api.server.apply(service('a'))
  const backup = api.server.checkpoint()
  const version = api.server.apply(service('b'))
  api.server.restore(backup)
  const { body } = await api.request('/api/v1/services')
  t.deepEqual(
    body.items?.map((item) => item.metadata.name),
    ['a'],
  )
  t.is(api.server.apply(service('c')), version)
})

test('serves thirty thousand objects in one list', async (t) => {
  await using api = await served()
  const many = Array.from({ length: 30_000 }, (_, index) => service(`s-${index}`))
  api.server.load(many)
  t.is((await api.request('/api/v1/services')).body.items?.length, 30_000)
})

/** Asks for something without reading the answer; returns what ends the connection. */
function asking({ url, certificateAuthority }: ApiServer, path: string): () => void {
  if (certificateAuthority === undefined) {
    const request = http.get(url + path).on('error', () => {})
    return () => request.destroy()
  }
  const session = http2.connect(url, { ca: certificateAuthority }).on('error', () => {})
  session.request({ ':path': path }).on('error', () => {})
  return () => session.destroy()
}

for (const [protocol, options] of [
  ['HTTP/1.1', {}],
  ['HTTP/2', { plain: false }],
] as const) {
  test(`${protocol}: the watch of a client that goes before it is answered is none`, async (t) => {
    await using api = await served(options)
    const { server } = api
    server.break('Service', { kind: 'slow', delayMs: 300 })
    const path = '/api/v1/services?watch=true&timeoutSeconds=600'
    const asked = () => new Promise<void>((resolve) => (server.onRequest = () => resolve()))
    const first = asked()
    const leave = asking(server, path)
    await first
    leave()
    while (server.connectionCount > 0) await sleep(5)
    const second = asked()
    const leaveLater = asking(server, path)
    await second
    // Answered after the first one.
    while (server.watchCount('Service') === 0) await sleep(5)
    t.is(server.watchCount('Service'), 1)
    leaveLater()
  })
}
