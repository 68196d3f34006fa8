import { type ApiObject, ApiServer } from '@portolan/api-server'
import test from 'ava'
import { cachedEtcd, hasWatchProgress } from '../debian-etcd.ts'
import { RawClient } from '../raw-client.ts'
import { administrator, RealApiServer } from '../real-api-server.ts'
import { type RealTest, realApiServerTest } from '../real-test.ts'

// What our tests rely on in the embedded API server, asked of it and of a real one: the same claims of both.

/** What a claim may do with a server. */
interface Asked extends AsyncDisposable {
  readonly client: RawClient
  /** Forgets all history: what is compacted, and what a watch cache still had. */
  forget(): Promise<void>
}

interface Server {
  readonly declare: RealTest
  start(kind: 'usual' | 'without watch-lists'): Promise<Asked>
}

const token = administrator
const real = realApiServerTest(test)
const embedded: RealTest = Object.assign(
  (title: string, implementation: Parameters<RealTest>[1]) =>
    test.serial(`embedded API server: ${title}`, implementation),
  { skip: (title: string, why: string) => test.skip(`embedded API server: ${title} (${why})`, () => {}) },
)

const servers: readonly Server[] = [
  {
    declare: embedded,
    async start(kind) {
      const server = new ApiServer({ tokens: [token], watchList: kind === 'usual' ? 'served' : 'failed' })
      await server.start()
      const client = new RawClient(server.url, server.certificateAuthority, token)
      return {
        client,
        forget: async () => server.compact(),
        async [Symbol.asyncDispose]() {
          client.close()
          await server.stop()
        },
      }
    },
  },
  {
    declare: real,
    async start(kind) {
      const server = await RealApiServer.start({ etcd: kind === 'usual' ? 'own' : 'debian' })
      await server.client.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'shop' } } })
      return {
        client: server.client,
        async forget() {
          await server.compact()
          await server.kill()
          await server.start()
        },
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      }
    },
  },
]

const services = '/api/v1/namespaces/shop/services'
const slices = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices'
const inFuture = '999999999'
const watchList = {
  sendInitialEvents: 'true',
  resourceVersionMatch: 'NotOlderThan',
  allowWatchBookmarks: 'true',
}

function service(name: string): ApiObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { ports: [{ port: 80 }] } }
}

function slice(name: string, address = '10.1.0.1'): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports: [{ port: 8080 }],
  }
}

function failure(code: number, reason: string, message: string, details?: object): object {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
  return details === undefined ? status : { ...status, details }
}

const tooLarge = {
  causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  retryAfterSeconds: 1,
}

for (const { declare, start } of servers) {
  declare('writes are answered with the object, and refusals with a Status', async (t) => {
    t.timeout(400_000)
    await using asked = await start('usual')
    const { client } = asked
    const created = await client.request('POST', slices, { body: slice('a') })
    t.is(created.status, 201)
    t.like(created.body, { kind: 'EndpointSlice', metadata: { name: 'a', namespace: 'shop' } })
    const again = await client.request('POST', slices, { body: slice('a') })
    t.deepEqual(
      again.body,
      failure(409, 'AlreadyExists', 'endpointslices.discovery.k8s.io "a" already exists', {
        name: 'a',
        group: 'discovery.k8s.io',
        kind: 'endpointslices',
      }),
    )
    const changed = await client.request('PUT', `${slices}/a`, { body: slice('a', '10.1.0.2') })
    t.is(changed.status, 200)
    const stale = { ...slice('a'), metadata: { ...created.body.metadata } }
    t.deepEqual(
      (await client.request('PUT', `${slices}/a`, { body: stale })).body,
      failure(
        409,
        'Conflict',
        'Operation cannot be fulfilled on endpointslices.discovery.k8s.io "a": the object has been modified; please apply your changes to the latest version and try again',
        { name: 'a', group: 'discovery.k8s.io', kind: 'endpointslices' },
      ),
    )
    const deleted = await client.request('DELETE', `${slices}/a`)
    t.is(deleted.status, 200)
    t.deepEqual(
      (await client.get(`${slices}/a`)).body,
      failure(404, 'NotFound', 'endpointslices.discovery.k8s.io "a" not found', {
        name: 'a',
        group: 'discovery.k8s.io',
        kind: 'endpointslices',
      }),
    )
    await client.request('POST', services, { body: service('web') })
    const gone = await client.request('DELETE', `${services}/web`)
    t.like(gone.body, { kind: 'Service', metadata: { name: 'web' } })
    t.deepEqual(
      (await client.get(`${services}/web`)).body,
      failure(404, 'NotFound', 'services "web" not found', { name: 'web', kind: 'services' }),
    )
    t.deepEqual(
      (await client.get('/apis/networking.k8s.io/v1/foos')).body,
      failure(404, 'NotFound', 'the server could not find the requested resource', {}),
    )
    const unknown = await client.request('GET', services, { token: 'nonsense' })
    t.deepEqual(unknown.body, failure(401, 'Unauthorized', 'Unauthorized'))
  })

  declare('what a written object omits is filled in', async (t) => {
    t.timeout(400_000)
    await using asked = await start('usual')
    const { client } = asked
    const { body } = await client.request('POST', services, { body: service('plain') })
    t.like(body.spec, {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    })
    t.deepEqual(body.status, { loadBalancer: {} })
    const external = {
      ...service('outside'),
      spec: { type: 'LoadBalancer', sessionAffinity: 'ClientIP', ports: [{ port: 80 }] },
    }
    const balancer = await client.request('POST', services, { body: external })
    t.like(balancer.body.spec, {
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
    })
    const written = await client.request('POST', slices, { body: slice('plain') })
    t.deepEqual(written.body.ports, [{ name: '', protocol: 'TCP', port: 8080 }])
  })

  declare('pages are of one moment, and after it is forgotten go on with another', async (t) => {
    t.timeout(400_000)
    await using asked = await start('usual')
    const { client } = asked
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.request('POST', slices, { body: slice(name) })
    const names = (items: readonly ApiObject[]) => items.map(({ metadata }) => metadata.name)
    const first = (await client.get(slices, { limit: '2' })).body
    t.deepEqual(names(first.items), ['a', 'b'])
    t.is(first.metadata.remainingItemCount, 3)
    await client.request('DELETE', `${slices}/c`)
    const second = (await client.get(slices, { limit: '2', continue: first.metadata.continue })).body
    t.deepEqual(names(second.items), ['c', 'd'])
    t.is(second.metadata.resourceVersion, first.metadata.resourceVersion)

    await asked.forget()
    const expired = await client.get(slices, { limit: '2', continue: first.metadata.continue })
    t.is(expired.status, 410)
    const { continue: inconsistent } = expired.body.metadata
    t.is(typeof inconsistent, 'string')
    t.deepEqual(
      { ...expired.body, metadata: {} },
      failure(
        410,
        'Expired',
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
      ),
    )
    const rest = (await client.get(slices, { limit: '2', continue: inconsistent })).body
    t.deepEqual(names(rest.items), ['d', 'e'])
    t.true(BigInt(rest.metadata.resourceVersion) > BigInt(first.metadata.resourceVersion))
    t.deepEqual(
      (
        await client.get(slices, {
          resourceVersion: first.metadata.resourceVersion,
          resourceVersionMatch: 'Exact',
        })
      ).body,
      failure(410, 'Expired', 'The resourceVersion for the provided list is too old.'),
    )
    const broken = await client.get(slices, { limit: '2', continue: 'xxx' })
    t.is(broken.status, 400)
    t.regex(broken.body.message, /^invalid continue token: continue key is not valid/)
  })

  declare(
    'a list of more than 128 KiB comes in gzip to who takes it, and a watch from a version never',
    async (t) => {
      t.timeout(120_000)
      await using asked = await start('usual')
      const { client } = asked
      const endpoints = Array.from({ length: 100 }, (_, number) => ({ addresses: [`10.1.0.${number}`] }))
      const large = (name: string) => ({ ...slice(name), endpoints })
      for (let number = 0; number < 80; number++)
        await client.request('POST', slices, { body: large(`large-${number}`) })
      const listed = (query: Record<string, string>, gzip: boolean) =>
        client.request('GET', slices, { query, gzip })
      const plain = await listed({}, false)
      const zipped = await listed({}, true)
      t.is(plain.headers['content-encoding'], undefined)
      t.is(zipped.headers['content-encoding'], 'gzip')
      t.deepEqual(zipped.body, plain.body)
      t.is(zipped.body.items.length, 80)
      const small = await listed({ limit: '1' }, true)
      t.is(small.headers['content-encoding'], undefined)
      const { resourceVersion } = plain.body.metadata
      const watch = await listed({ watch: 'true', resourceVersion, timeoutSeconds: '1' }, true)
      t.is(watch.headers['content-encoding'], undefined)
      // Whatever the server holds, and not older than: these are allowed to be old, but not older than the version.
      for (const query of [
        { resourceVersion: '0' },
        { resourceVersion, resourceVersionMatch: 'NotOlderThan' },
      ]) {
        const cached = await listed(query, true)
        t.is(cached.headers['content-encoding'], 'gzip')
        t.true(
          BigInt(cached.body.metadata.resourceVersion) >=
            (query.resourceVersion === '0' ? 0n : BigInt(resourceVersion)),
        )
      }
      const tooNew = await listed({ resourceVersion: inFuture, resourceVersionMatch: 'NotOlderThan' }, true)
      t.is(tooNew.status, 504)
    },
  )

  declare('a list without a version has every write that was answered before it', async (t) => {
    t.timeout(120_000)
    await using asked = await start('usual')
    const { client } = asked
    for (let turn = 0; turn < 20; turn++) {
      const { body } = await client.request('POST', slices, { body: slice(`turn-${turn}`) })
      const listed = (await client.get(slices, { limit: '500' })).body
      t.is(listed.items.length, turn + 1)
      t.true(BigInt(listed.metadata.resourceVersion) >= BigInt(body.metadata.resourceVersion))
    }
  })

  declare('a watch-list ends with a bookmark and goes on as the watch, to its time limit', async (t) => {
    t.timeout(400_000)
    await using asked = await start('usual')
    const { client } = asked
    await client.request('POST', slices, { body: slice('a') })
    const begun = performance.now()
    using watch = await client.watch(slices, { ...watchList, timeoutSeconds: '15' })
    const end = await watch.next(({ type }) => type === 'BOOKMARK')
    t.deepEqual(
      watch.events.map(({ type }) => type),
      ['ADDED', 'BOOKMARK'],
    )
    t.is(end.object.kind, 'EndpointSlice')
    t.is(end.object.metadata.annotations['k8s.io/initial-events-end'], 'true')
    await client.request('PUT', `${slices}/a`, { body: slice('a', '10.1.0.2') })
    const modified = await watch.next(({ type }) => type === 'MODIFIED')
    await client.request('DELETE', `${slices}/a`)
    const deleted = await watch.next(({ type }) => type === 'DELETED')
    const version = (event: typeof deleted) => BigInt(event.object.metadata.resourceVersion)
    t.is(deleted.object.endpoints[0].addresses[0], '10.1.0.2')
    t.true(version(deleted) > version(modified))
    // Before its time is up it says how far it is, for the next watch to go on from there.
    await watch.ended
    t.true(performance.now() - begun > 14_500)
    const last = watch.events.at(-1)
    t.is(last?.type, 'BOOKMARK')
    t.is(last?.object.metadata.annotations, undefined)
    t.true(last !== undefined && version(last) >= version(deleted))
  })

  declare(
    'a version that is forgotten is 410 in the stream, one that is still to come is waited for or 504',
    async (t) => {
      t.timeout(400_000)
      await using asked = await start('usual')
      const { client } = asked
      const { body } = await client.request('POST', slices, { body: slice('a') })
      await client.request('PUT', `${slices}/a`, { body: slice('a', '10.1.0.2') })
      await asked.forget()
      const old: string = body.metadata.resourceVersion
      using expired = await client.watch(slices, { resourceVersion: old, timeoutSeconds: '3' })
      await expired.ended
      t.is(expired.status, 200)
      t.is(expired.events.length, 1)
      const [event] = expired.events
      t.is(event?.type, 'ERROR')
      t.regex(event?.object.message, new RegExp(`^too old resource version: ${old} \\(\\d+\\)$`))
      t.deepEqual(event?.object, failure(410, 'Expired', event?.object.message))

      using waiting = await client.watch(slices, {
        resourceVersion: inFuture,
        timeoutSeconds: '2',
        allowWatchBookmarks: 'true',
      })
      await waiting.ended
      t.deepEqual([waiting.status, waiting.events], [200, []])

      const list = await client.get(slices, { resourceVersion: inFuture })
      t.is(list.headers['retry-after'], '1')
      t.regex(
        list.body.message,
        new RegExp(`^Timeout: Too large resource version: ${inFuture}, current: \\d+$`),
      )
      t.deepEqual(list.body, failure(504, 'Timeout', list.body.message, tooLarge))
      using listed = await client.watch(slices, { ...watchList, resourceVersion: inFuture })
      await listed.ended
      t.is(listed.status, 200)
      const [refused] = listed.events
      t.is(refused?.type, 'ERROR')
      t.deepEqual(refused?.object, failure(504, 'Timeout', refused?.object.message, tooLarge))
    },
  )

  declare('options that make no sense are refused', async (t) => {
    t.timeout(400_000)
    await using asked = await start('usual')
    const { client } = asked
    const invalid = (field: string, why: string) => {
      const message = `Forbidden: ${why}`
      return failure(422, 'Invalid', `ListOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, {
        group: 'meta.k8s.io',
        kind: 'ListOptions',
        causes: [{ reason: 'FieldValueForbidden', message, field }],
      })
    }
    t.deepEqual(
      (await client.get(slices, { watch: 'true', sendInitialEvents: 'true' })).body,
      invalid(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    )
    t.deepEqual(
      (await client.get(slices, { sendInitialEvents: 'true' })).body,
      invalid('sendInitialEvents', 'sendInitialEvents is forbidden for list'),
    )
    t.deepEqual(
      (await client.get(services, { fieldSelector: 'spec.foo=1' })).body,
      failure(400, 'BadRequest', 'field label not supported: spec.foo'),
    )
    for (const query of [{ limit: 'abc' }, { resourceVersion: 'abc' }])
      t.is((await client.get(slices, query)).status, 400)
  })

  const etcd = cachedEtcd()
  const title = 'without progress notifications a watch-list is one ERROR event, and all else works'
  const tooNew = declare === real && (etcd === undefined || hasWatchProgress(etcd))
  if (tooNew) real.skip(title, `Debian's etcd is ${etcd?.version ?? 'not there'}`)
  else
    declare(title, async (t) => {
      t.timeout(400_000)
      await using asked = await start('without watch-lists')
      const { client } = asked
      const { body } = await client.request('POST', slices, { body: slice('a') })
      using refused = await client.watch(slices, watchList)
      await refused.ended
      const message =
        'a watch stream was requested by the client but the required storage feature RequestWatchProgress is disabled'
      t.deepEqual(refused.events, [{ type: 'ERROR', object: failure(500, 'InternalError', message) }])
      t.is(refused.status, 200)
      const { metadata, items } = (await client.get(slices, { limit: '500' })).body
      t.deepEqual(items[0].metadata.resourceVersion, body.metadata.resourceVersion)
      using watch = await client.watch(slices, { resourceVersion: metadata.resourceVersion })
      await client.request('DELETE', `${slices}/a`)
      t.is((await watch.next(() => true)).type, 'DELETED')
    })
}
