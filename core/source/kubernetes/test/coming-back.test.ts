import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import * as net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiServerOptions } from '@portolan/api-server'
import test from 'ava'
import { ObservedSource, shortTimings } from './observed-source.ts'
import { listRequests, node, scene, service, slice } from './small-cluster.ts'

const transports: readonly (readonly [string, ApiServerOptions])[] = [
  ['HTTP/2', {}],
  ['HTTP/1.1 over TLS', { http2: false }],
  ['plain HTTP/1.1', { plain: true }],
]

/** Back-off that no test outlasts: what goes on before it has ended didn't wait for it. */
const longBackOff = { retryMinMs: 600_000, retryMaxMs: 600_000, stableAfterMs: 0 }

for (const [transport, options] of transports) {
  test(`${transport}: a server that was away is found again without a list and in spite of long back-off`, async (t) => {
    await using scenery = await scene(options, { timings: longBackOff })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    const lists = listRequests(server.requests).length
    await server.stop()
    await observed.until((o) => o.complaints('services').length > 0)
    server.apply(service('api', '10.96.0.3'))
    server.remove('EndpointSlice', 'shop', 'web-1')
    const { length } = server.requests
    await sleep(500)
    t.is(server.requests.length, length)
    await server.start()
    await observed.until(
      (o) => o.records.has('Service shop/api') && !o.records.has('EndpointSlice shop/web-1'),
    )
    t.is(listRequests(server.requests).length, lists)
  })

  test(`${transport}: a server that comes back without its history is listed once for each resource`, async (t) => {
    await using scenery = await scene(options, { timings: longBackOff })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    const lists = listRequests(server.requests).length
    await server.stop()
    server.apply(service('api', '10.96.0.3'))
    server.compact()
    await server.start()
    await observed.until((o) => o.records.has('Service shop/api'))
    await observed.until(() => server.watchCount('ServiceCIDR') === 1 && server.watchCount('Node') === 1)
    t.is(listRequests(server.requests).length, lists + 4)
  })

  test(`${transport}: a server that comes back with an older state is listed at once`, async (t) => {
    await using scenery = await scene(options, { timings: longBackOff })
    const { server, observed } = scenery
    const backup = server.checkpoint()
    server.apply(service('late', '10.96.0.3'))
    await observed.until((o) => o.allSynced && o.records.has('Service shop/late'))
    await server.stop()
    server.restore(backup)
    await server.start()
    await observed.until((o) => !o.records.has('Service shop/late'))
    t.true(observed.complaints('services').some((line) => line.fields.code === 'API_VERSION_WENT_BACK'))
  })
}

test('a server that comes back with an older state, and has come further since, is listed at once', async (t) => {
  await using scenery = await scene({}, { timings: longBackOff })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const backup = server.checkpoint()
  server.apply(service('late', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/late'))
  await server.stop()
  server.restore(backup)
  for (let write = 0; write < 5; write++) server.apply(node('node-2'))
  await server.start()
  await observed.until((o) => !o.records.has('Service shop/late'))
  t.true(observed.complaints('services').some((line) => line.fields.code === 'API_VERSION_WENT_BACK'))
})

test('GOAWAY moves all watches to a new connection without a list, a loss or a complaint', async (t) => {
  await using scenery = await scene({}, { timings: { lookMs: 20 } })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  for (let round = 0; round < 5; round++) {
    server.goAway()
    server.apply(service('web', `10.96.1.${round}`))
    await observed.until((o) =>
      JSON.stringify(o.records.get('Service shop/web')).includes(`10.96.1.${round}`),
    )
  }
  t.is(listRequests(server.requests).length, 4)
  t.deepEqual(observed.complaints(), [])
  t.is(observed.deliveries.filter((line) => line === 'set Service shop/db').length, 1)
})

test('Retry-After is waited for, and no longer', async (t) => {
  // The longest pause that is honoured, so that the test needn't wait for a second.
  const timings = { ...longBackOff, retryMinMs: 1, retryMaxMs: 1, retryAfterMaxMs: 400 }
  await using scenery = await scene({}, { timings }, (server) =>
    server.break('Service', { kind: 'status', status: 429, retryAfterSeconds: 3_600 }),
  )
  const { server, observed } = scenery
  await observed.until((o) => o.complaints('services').length > 0)
  const retryInMs = Number(observed.complaints('services')[0]?.fields.retryInMs)
  t.true(retryInMs >= 400 && retryInMs <= 500)
  server.heal()
  await observed.until((o) => o.isSynced('Service'))
})

test('a resource that gets through ends the back-off of another', async (t) => {
  await using scenery = await scene({}, { timings: longBackOff }, (server) =>
    server.break('Service', { kind: 'status', status: 503 }),
  )
  const { server, observed } = scenery
  await observed.until((o) => o.complaints('services').length > 0 && o.isSynced('EndpointSlice'))
  server.heal()
  await observed.until(() => server.watchCount('EndpointSlice') === 1)
  // A first 410 is listed again at once.
  server.failWatches('EndpointSlice', 410)
  await observed.until((o) => o.isSynced('Service'))
  t.pass()
})

for (const status of [429, 503, 504]) {
  test(`a watch that is refused with ${status} goes on as a watch, and is never made a list`, async (t) => {
    await using scenery = await scene()
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    const lists = listRequests(server.requests).length
    server.break('Service', { kind: 'status', status })
    server.failWatches('Service', status)
    const refused = () => server.requests.filter((r) => r.path === '/api/v1/services').length
    const before = refused()
    await observed.until(() => refused() >= before + 4)
    server.apply(service('api', '10.96.0.3'))
    server.heal()
    await observed.until((o) => o.records.has('Service shop/api'))
    t.is(listRequests(server.requests).length, lists)
  })
}

test('one forbidden resource does not hold up the others', async (t) => {
  await using scenery = await scene({ freezable: true }, {}, (server) =>
    server.break('Service', { kind: 'status', status: 403 }),
  )
  const { server, observed } = scenery
  await observed.until((o) => o.isSynced('EndpointSlice') && o.isSynced('Node'))
  server.resetConnections()
  server.apply(slice('web-2', ['10.0.0.9']))
  await observed.until((o) => o.records.has('EndpointSlice shop/web-2'))
  t.false(observed.isSynced('Service'))
})

test('stopped while a new connection waits for the old one to speak, it takes neither', async (t) => {
  const timings = { ...shortTimings, handoverMs: 600_000, lookMs: 1 }
  let connected = 0
  const observer = { onConnected: () => void connected++ }
  await using scenery = await scene({ freezable: true }, { timings, observer })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.freeze()
  await observed.until((o) => o.complaints().some(({ fields }) => fields.code === 'API_SILENT'))
  // Thawed before another connection waits beside it, the frozen one would speak first and alone.
  await observed.until(() => server.connectionCount > 1)
  server.thaw()
  const opened = () => observed.log.filter(({ message }) => message === 'connected').length
  await observed.until(() => opened() > 1)
  await observed.source.stop()
  await new Promise(setImmediate)
  t.is(connected, 1)
})

test('a server that ends every watch at once is asked ever more seldom', async (t) => {
  await using scenery = await scene({}, { timings: { retryMinMs: 10, retryMaxMs: 120_000 } })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const from = server.requests.length
  const ending = setInterval(() => {
    for (const kind of ['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const)
      server.sendToWatches(kind, '', { end: true })
  }, 2)
  try {
    await sleep(3_000)
  } finally {
    clearInterval(ending)
  }
  // 10 ms, doubling: nine attempts of four resources in three seconds, each a watch and the question for the version.
  t.true(server.requests.length - from <= 4 * 2 * 12, `${server.requests.length - from} requests`)
})

test('a page that has expired starts the list anew, and nothing is delivered twice', async (t) => {
  const many = Array.from({ length: 1201 }, (_, index) =>
    service(`s-${index}`, `10.97.${index >> 8}.${index & 255}`),
  )
  let compacted = false
  await using scenery = await scene({}, {}, (server) => {
    server.load(many)
    server.onRequest = ({ query }) => {
      if (compacted || !query.has('continue')) return
      compacted = true
      server.compact()
    }
  })
  const { observed } = scenery
  await observed.until((o) => o.allSynced)
  t.true(compacted)
  t.is(observed.keys('Service').length, 1203)
  t.is(observed.deliveries.filter((line) => line === 'set Service shop/s-1').length, 1)
})

for (const http2 of [true, false]) {
  test(`a TLS stream that is garbled after its handshake ends no process, ${http2 ? 'HTTP/2' : 'HTTP/1.1'}`, async (t) => {
    await using scenery = await scene({ http2 })
    const { server, directory } = scenery
    let garbled = 0
    const relay = net.createServer((client) => {
      const upstream = net.connect(Number(new URL(server.url).port), '127.0.0.1')
      for (const socket of [client, upstream]) socket.on('error', () => {})
      client.once('close', () => upstream.destroy())
      upstream.once('close', () => client.destroy())
      client.pipe(upstream)
      const honest = garbled >= 5
      upstream.on('data', (chunk) => {
        client.write(honest ? chunk : Buffer.concat([chunk, Buffer.alloc(64, 0xff)]))
        if (!honest) garbled += 1
      })
    })
    relay.listen(0, '127.0.0.1')
    await once(relay, 'listening')
    const kubeconfig = join(directory, 'garbled')
    await server.writeKubeconfig(kubeconfig)
    const { port } = relay.address() as net.AddressInfo
    const text = await readFile(kubeconfig, 'utf8')
    await writeFile(kubeconfig, text.replace(server.url, `https://127.0.0.1:${port}`))
    {
      await using observed = await ObservedSource.start({ kubeconfig })
      await observed.until((o) => o.allSynced)
      t.true(garbled >= 5)
    }
    relay.close()
  })
}
