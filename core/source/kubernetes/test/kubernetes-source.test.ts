import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiObject, ApiServer, type ApiServerOptions } from '@portolan/api-server'
import test from 'ava'
import type { ServiceRecord } from '../../../cluster/records.ts'
import { ObservedSource, shortTimings } from './observed-source.ts'
import { listRequests, node, scene, service, slice } from './small-cluster.ts'

const slicesPath = '/apis/discovery.k8s.io/v1/endpointslices'

const transports: readonly (readonly [string, ApiServerOptions])[] = [
  ['HTTP/2', {}],
  ['HTTP/1.1 over TLS', { http2: false }],
  ['plain HTTP/1.1', { plain: true }],
]

for (const [transport, options] of transports) {
  test(`${transport}: delivers the whole cluster, this node alone, and then every change`, async (t) => {
    await using scenery = await scene(options)
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    t.deepEqual(observed.keys('Service'), ['shop/db', 'shop/web'])
    t.deepEqual(observed.keys('EndpointSlice'), ['shop/web-1'])
    t.deepEqual(observed.keys('Node'), ['node-1'])
    t.deepEqual(observed.keys('ServiceCIDR'), ['kubernetes'])

    server.apply(service('api', '10.96.0.3'))
    server.apply(slice('web-1', ['10.0.0.1', '10.0.0.2']))
    server.remove('Service', 'shop', 'db')
    await observed.until((o) => !o.records.has('Service shop/db'))
    t.deepEqual(observed.keys('Service'), ['shop/api', 'shop/web'])
    await observed.until((o) =>
      JSON.stringify(o.records.get('EndpointSlice shop/web-1')).includes('10.0.0.2'),
    )
    t.deepEqual(observed.complaints(), [])
  })

  test(`${transport}: goes on after connections were reset, without listing again`, async (t) => {
    await using scenery = await scene(options)
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    server.resetConnections()
    server.apply(service('api', '10.96.0.3'))
    await observed.until((o) => o.records.has('Service shop/api'))
    t.is(observed.deliveries.filter((line) => line === 'set Service shop/web').length, 1)
    t.is(observed.deliveries.filter((line) => line.startsWith('remove')).length, 0)
    t.is(listRequests(server.requests).length, 4)
    t.true(observed.complaints('services').length <= 1)
  })

  test(`${transport}: notices a frozen server, and goes on when it is back`, async (t) => {
    await using scenery = await scene({ ...options, freezable: true }, { timings: shortTimings })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    const lists = listRequests(server.requests).length
    server.freeze()
    await observed.until((o) => o.complaints().some((line) => /stopped answering/.test(line.message)))
    t.true(observed.records.has('Service shop/web'))
    server.apply(service('api', '10.96.0.3'))
    server.thaw()
    await observed.until((o) => o.records.has('Service shop/api'))
    await observed.until((o) => o.log.some((line) => line.message === 'the API server answers again'))
    t.is(listRequests(server.requests).length, lists)
  })
}

test('sends the selectors of kube-proxy', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const selectors = new Map(
    listRequests(server.requests).map(({ path, query }) => [
      path,
      [query.get('labelSelector'), query.get('fieldSelector')],
    ]),
  )
  t.deepEqual(Object.fromEntries(selectors), {
    '/api/v1/services': ['!service.kubernetes.io/service-proxy-name', 'spec.clusterIP!=None'],
    [slicesPath]: ['!service.kubernetes.io/headless', null],
    '/api/v1/nodes': [null, 'metadata.name=node-1'],
    '/apis/networking.k8s.io/v1/servicecidrs': [null, null],
  })
})

test('a server that cannot select by ClusterIP sends headless Services, which are left out', async (t) => {
  await using scenery = await scene({ fieldSelectors: 'metadata' }, {}, (server) => {
    server.apply(service('headless', 'None'))
  })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  t.deepEqual(observed.keys('Service'), ['shop/db', 'shop/web'])
  server.apply(service('web', 'None'))
  await observed.until((o) => !o.records.has('Service shop/web'))
  t.deepEqual(observed.complaints(), [])
})

const leaving: readonly (readonly [string, ApiObject, ApiObject, string])[] = [
  [
    'a Service that gets the label of another proxy',
    service('web'),
    service('web', '10.96.0.1', { 'service.kubernetes.io/service-proxy-name': '' }),
    'Service shop/web',
  ],
  ['a Service that becomes headless', service('web'), service('web', 'None'), 'Service shop/web'],
  [
    'a slice that gets the headless label',
    slice('web-1', ['10.0.0.1']),
    slice('web-1', ['10.0.0.1'], { 'service.kubernetes.io/headless': '' }),
    'EndpointSlice shop/web-1',
  ],
]
for (const [what, ours, notOurs, key] of leaving) {
  test(`${what} is removed, and back when it changes back`, async (t) => {
    await using scenery = await scene()
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    t.true(observed.records.has(key))
    server.apply(notOurs)
    await observed.until((o) => !o.records.has(key))
    server.apply(ours)
    await observed.until((o) => o.records.has(key))
    t.is(observed.problems.length, 0)
  })
}

for (const form of ['protobuf', 'json'] as const) {
  test(`everything is listed in pages of 500, of the newest state and in gzip: ${form}`, async (t) => {
    const many = Array.from({ length: 1201 }, (_, index) =>
      service(`s-${index}`, `10.97.${index >> 8}.${index & 255}`),
    )
    await using scenery = await scene({}, { forms: form }, (server) => server.load(many))
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced && server.watchCount('Service') === 1)
    t.is(observed.keys('Service').length, 1203)
    const asked = server.requests.filter((r) => r.path === '/api/v1/services')
    const pages = asked.filter((r) => !r.query.has('watch'))
    t.deepEqual(
      pages.map((page) => [page.query.get('limit'), page.query.has('continue'), page.acceptEncoding]),
      [
        ['500', false, 'gzip'],
        ['500', true, 'gzip'],
        ['500', true, 'gzip'],
      ],
    )
    // A version of its own, or 0, would let the server answer with what it held at another time.
    t.false(pages.some((page) => page.query.has('resourceVersion') || page.query.has('resourceVersionMatch')))
    t.deepEqual(
      asked
        .filter((r) => r.query.has('watch'))
        .map((r) => [r.acceptEncoding, r.query.get('resourceVersion')]),
      [['', server.resourceVersion]],
    )
    server.apply(service('api', '10.96.0.3'))
    await observed.until((o) => o.records.has('Service shop/api'))
    t.deepEqual(observed.complaints(), [])
  })
}

for (const expiredAs of ['status', 'event'] as const) {
  test(`410 as ${expiredAs}: lists again and delivers the difference`, async (t) => {
    await using scenery = await scene({ expiredAs })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    server.break('Service', { kind: 'status', status: 500 })
    server.failWatches('Service', 500)
    await observed.until((o) => o.complaints('services').length > 0)
    const before = observed.deliveries.length
    server.apply(service('api', '10.96.0.3'))
    server.remove('Service', 'shop', 'db')
    server.compact()
    server.heal()
    await observed.until((o) => o.records.has('Service shop/api') && !o.records.has('Service shop/db'))
    const after = observed.deliveries.slice(before).sort()
    t.deepEqual(after, ['remove Service shop/db', 'set Service shop/api'])
  })
}

test('an ERROR event with 410 lists again without delivering what is known', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const before = observed.deliveries.length
  server.failWatches('Service', 410)
  await observed.until(() => server.watchCount('Service') === 1)
  server.apply(service('api', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/api'))
  t.deepEqual(observed.deliveries.slice(before), ['set Service shop/api'])
})

test('a server whose versions went back is listed again, and known versions are not trusted', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const backup = server.checkpoint()
  const version = server.apply(service('web', '10.96.0.10'))
  server.apply(service('late', '10.96.0.11'))
  await observed.until((o) => o.records.has('Service shop/late'))
  server.restore(backup)
  // The same version number now means another state of the same Service.
  t.is(server.apply(service('web', '10.96.0.20')), version)
  await observed.until((o) => !o.records.has('Service shop/late'))
  const web = () => observed.records.get('Service shop/web') as ServiceRecord
  await observed.until(() => web().clusterIPs.includes('10.96.0.20' as never))
  t.true(observed.complaints('services').some((line) => line.fields.code === 'API_VERSION_WENT_BACK'))
  server.apply(service('new', '10.96.0.12'))
  await observed.until((o) => o.records.has('Service shop/new'))
})

for (const [transport, options] of transports) {
  test(`${transport}: disable-compression of the kubeconfig's cluster keeps lists plain`, async (t) => {
    await using scenery = await scene(options)
    const { server, observed, directory } = scenery
    await observed.until((o) => o.allSynced)
    const config = JSON.parse(await readFile(join(directory, 'config'), 'utf8'))
    config.clusters[0].cluster['disable-compression'] = true
    await writeFile(join(directory, 'plain'), JSON.stringify(config))
    const from = server.requests.length
    t.true(server.requests.some(({ acceptEncoding }) => acceptEncoding === 'gzip'))
    await using plain = await ObservedSource.start({ kubeconfig: join(directory, 'plain') })
    await plain.until((o) => o.allSynced)
    t.true(listRequests(server.requests.slice(from)).length >= 4)
    t.true(server.requests.slice(from).every(({ acceptEncoding }) => acceptEncoding === ''))
  })
}

for (const [transport, options] of transports) {
  test(`${transport}: behind a proxy that spoils gzip a resource is asked for without it, after one line`, async (t) => {
    await using scenery = await scene(options, {}, (server) =>
      server.break('Service', { kind: 'spoilt-gzip' }),
    )
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    t.deepEqual(
      observed.complaints().map(({ fields }) => [fields.resource, fields.code]),
      [['services', 'API_GZIP']],
    )
    await observed.until(() => server.watchCount('Service') === 1 && server.watchCount('EndpointSlice') === 1)
    server.failWatches('Service', 410)
    server.failWatches('EndpointSlice', 410)
    const lists = (path: string) => listRequests(server.requests).filter((request) => request.path === path)
    await observed.until(() => lists('/api/v1/services').length === 3 && lists(slicesPath).length === 2)
    const encodings = (path: string) => lists(path).map(({ acceptEncoding }) => acceptEncoding)
    t.deepEqual(encodings('/api/v1/services'), ['gzip', '', ''])
    t.deepEqual(encodings(slicesPath), ['gzip', 'gzip'])
    t.true(lists('/api/v1/services').every(({ accept }) => accept.includes('protobuf')))
  })

  test(`${transport}: a server that is killed in the middle of a list has spoilt nothing`, async (t) => {
    await using scenery = await scene(options, {}, (server) =>
      server.break('Service', { kind: 'stuck-gzip' }),
    )
    const { server, observed } = scenery
    await observed.until(
      (o) => o.isSynced('EndpointSlice') && o.isSynced('Node') && o.isSynced('ServiceCIDR'),
    )
    await observed.until(() => listRequests(server.requests).length === 4)
    // What has come of the list by then; if nothing has, this is a smaller test.
    await new Promise((resolve) => setTimeout(resolve, 200))
    await server.kill()
    server.heal()
    await server.start()
    await observed.until((o) => o.allSynced)
    const codes = observed.complaints().map(({ fields }) => fields.code)
    t.false(codes.includes('API_GZIP'), codes.join())
    const last = listRequests(server.requests).findLast(({ path }) => path === '/api/v1/services')
    t.is(last?.acceptEncoding, 'gzip')
    t.true(last?.accept.includes('protobuf'))
  })
}

test('a list that is older than what is known is asked for again, and no version is trusted', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  const backup = server.checkpoint()
  const version = server.apply(service('web', '10.96.0.10'))
  server.apply(service('late', '10.96.0.11'))
  await observed.until((o) => o.records.has('Service shop/late'))
  // The version is lost, so that the first to hear of the older state is a list.
  server.break('Service', { kind: 'status', status: 410 })
  server.failWatches('Service', 410)
  await observed.until((o) => o.complaints('services').length > 0)
  server.restore(backup)
  t.is(server.apply(service('web', '10.96.0.20')), version)
  server.heal()
  await observed.until((o) => !o.records.has('Service shop/late'))
  const web = () => observed.records.get('Service shop/web') as ServiceRecord
  await observed.until(() => web().clusterIPs.includes('10.96.0.20' as never))
  const wentBack = observed
    .complaints('services')
    .filter(({ fields }) => fields.code === 'API_VERSION_WENT_BACK')
  t.is(wentBack.length, 1)
  t.regex(wentBack[0]?.message ?? '', /^cannot list services: .* listing again$/)
})

const frame = (...bytes: readonly number[]) => Uint8Array.from([0, 0, 0, bytes.length, ...bytes])

const garbage: readonly (readonly [string, 'json' | 'protobuf', string, (server: ApiServer) => void])[] = [
  [
    'a garbage line',
    'json',
    'API_MALFORMED',
    (server) => server.sendToWatches('Service', 'no json at all\n'),
  ],
  [
    'a JSON line that is no event',
    'json',
    'API_MALFORMED',
    (server) => server.sendToWatches('Service', '[1,2]\n'),
  ],
  [
    'a JSON event without an object',
    'json',
    'API_MALFORMED',
    (server) => server.sendToWatches('Service', '{"type":"ADDED"}\n'),
  ],
  [
    'a line that is cut off',
    'json',
    'API_MALFORMED',
    (server) => server.sendToWatches('Service', '{"type":"MODIFIED","obj', { end: true }),
  ],
  [
    'a frame of no Kubernetes object',
    'protobuf',
    'API_PROTOBUF',
    (server) => server.sendToWatches('Service', 'these are 2 GB'),
  ],
  [
    'a frame that is no event',
    'protobuf',
    'API_PROTOBUF',
    (server) => server.sendToWatches('Service', frame(0xff, 0xff)),
  ],
  [
    'an event in protobuf without an object',
    'protobuf',
    'API_PROTOBUF',
    (server) => server.sendToWatches('Service', frame(10, 5, ...Buffer.from('ADDED'))),
  ],
  [
    'a frame that is cut off',
    'protobuf',
    'API_MALFORMED',
    (server) => server.sendToWatches('Service', Uint8Array.of(0, 0, 1, 0, 10), { end: true }),
  ],
]
for (const [what, forms, code, send] of garbage) {
  test(`${what} is said in one line, and no event around it is lost`, async (t) => {
    await using scenery = await scene({}, { forms })
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    send(server)
    server.apply(service('api', '10.96.0.3'))
    server.apply(slice('web-2', ['10.0.0.9']))
    await observed.until(
      (o) => o.records.has('Service shop/api') && o.records.has('EndpointSlice shop/web-2'),
    )
    const complaints = observed.complaints('services')
    t.is(complaints.length, 1)
    t.is(complaints[0]?.fields.code, code)
    t.is(observed.complaints().length, 1)
    t.true(observed.records.has('Service shop/web'))
    t.is(/ in JSON from now on$/.test(complaints[0]?.message ?? ''), code === 'API_PROTOBUF')
    // What can't be read in protobuf is asked for in JSON.
    const last = server.requests.findLast(
      ({ path, query }) => path === '/api/v1/services' && query.has('watch'),
    )
    t.is(last?.accept.includes('protobuf'), forms === 'protobuf' && code !== 'API_PROTOBUF')
  })
}

test('406 for protobuf: JSON alone is asked for, without a complaint', async (t) => {
  await using scenery = await scene({}, {}, (server) => server.break('Service', { kind: 'not-acceptable' }))
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.apply(service('api', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/api'))
  t.deepEqual(observed.complaints(), [])
  const last = server.requests.findLast(({ path }) => path === '/api/v1/services')
  t.is(last?.accept, 'application/json')
})

const refusals = [
  ['403', { kind: 'status', status: 403 }, 'API_STATUS', /grant list and watch on services/],
  ['500', { kind: 'status', status: 500 }, 'API_STATUS', /500/],
  ['HTML', { kind: 'html' }, 'API_NOT_JSON', /text\/html .*instead of protobuf or JSON/],
  ['a list that is cut off', { kind: 'truncated' }, 'API_MALFORMED', /cannot list services/],
  [
    'gzip that is cut off',
    { kind: 'cut-off-gzip' },
    'API_GZIP',
    /list services: the answer in gzip is cut off.*: asked for without gzip from now on$/,
  ],
  ['no answer', { kind: 'hang' }, 'API_SILENT', /not answered in time/],
] as const
for (const [what, fault, code, message] of refusals) {
  test(`${what} for one resource: one line, all others go on, nothing is synced early`, async (t) => {
    const timings = { responseTimeoutMs: what === 'no answer' ? 5_000 : 60_000 }
    await using scenery = await scene({}, { timings }, (server) => server.break('Service', fault))
    const { server, observed } = scenery
    await observed.until((o) => o.complaints('services').length > 0)
    await observed.until(
      (o) => o.isSynced('EndpointSlice') && o.isSynced('Node') && o.isSynced('ServiceCIDR'),
    )
    server.apply(slice('web-2', ['10.0.0.9']))
    await observed.until((o) => o.records.has('EndpointSlice shop/web-2'))
    t.false(observed.isSynced('Service'))
    t.is(observed.complaints().length, 1)
    t.is(observed.complaints()[0]?.fields.code, code)
    t.regex(observed.complaints()[0]?.message ?? '', message)
    t.deepEqual([...observed.failing], [['Service', code]])
    server.heal()
    await observed.until((o) => o.isSynced('Service'))
    await observed.until((o) => o.failing.size === 0)
    t.deepEqual(observed.keys('Service'), ['shop/db', 'shop/web'])
    t.true(observed.log.some((line) => line.message === 'watching services again'))
  })
}

for (const status of [403, 404]) {
  test(`ServiceCIDRs answered with ${status} count as synced and empty, and are found later`, async (t) => {
    await using scenery = await scene({}, {}, (server) =>
      server.break('ServiceCIDR', { kind: 'status', status }),
    )
    const { server, observed } = scenery
    await observed.until((o) => o.allSynced)
    t.deepEqual(observed.keys('ServiceCIDR'), [])
    t.deepEqual(observed.complaints(), [])
    const about = () => observed.deliveries.filter((line) => line.endsWith(' ServiceCIDR'))
    t.deepEqual(about(), ['unreadable ServiceCIDR', 'synced ServiceCIDR'])
    server.heal()
    await observed.until((o) => o.keys('ServiceCIDR').length === 1)
    await observed.until(() => about().at(-1) === 'readable ServiceCIDR')
  })
}

test('ServiceCIDRs that may be read no more are told of, and stay as they were read', async (t) => {
  await using scenery = await scene({}, { timings: { stableAfterMs: 100 } })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.break('ServiceCIDR', { kind: 'forbidden', user: 'proxy' })
  server.sendToWatches('ServiceCIDR', '', { end: true })
  await observed.until((o) => o.failing.has('ServiceCIDR'))
  t.is(observed.failing.get('ServiceCIDR'), 'API_STATUS')
  t.regex(observed.complaints('servicecidrs.networking.k8s.io')[0]?.message ?? '', /grant list and watch on/)
  t.deepEqual(observed.keys('ServiceCIDR'), ['kubernetes'])
  server.heal()
  await observed.until((o) => o.failing.size === 0)
})

test('a watch that goes on and has nothing to tell is no failure any more', async (t) => {
  await using scenery = await scene({}, { timings: { stableAfterMs: 100 } })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.resetConnections()
  await observed.until((o) => o.failing.size === 4)
  // Well before the server sends a bookmark.
  await observed.until((o) => o.failing.size === 0, 20_000)
  t.true(observed.log.some(({ message }) => message === 'watching nodes again'))
})

test('a slow list is waited for', async (t) => {
  await using scenery = await scene({}, {}, (server) =>
    server.break('Service', { kind: 'slow', delayMs: 3000 }),
  )
  const { observed } = scenery
  await observed.until((o) => o.isSynced('EndpointSlice'))
  t.false(observed.isSynced('Service'))
  await observed.until((o) => o.isSynced('Service'))
  t.deepEqual(observed.complaints(), [])
})

test('a watch ends by its time limit and is followed by another, without a list or a complaint', async (t) => {
  await using scenery = await scene({}, { timings: { watchSeconds: 0.4, stableAfterMs: 300 } })
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  await observed.until(
    () => server.requests.filter((r) => r.path === slicesPath && r.query.has('resourceVersion')).length >= 2,
  )
  server.apply(service('api', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/api'))
  t.deepEqual(observed.complaints(), [])
  t.is(observed.deliveries.filter((line) => line === 'set Service shop/web').length, 1)
})

test('an object that breaks is told as a problem and removed; the others stay', async (t) => {
  await using scenery = await scene()
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.apply({ ...service('web'), spec: 'nonsense' })
  await observed.until((o) => !o.records.has('Service shop/web'))
  t.is(observed.problems.length, 1)
  t.is(observed.problems[0]?.object, 'shop/web')
  t.true(observed.records.has('Service shop/db'))
})

test('a token that is refused is read again, and the new one used', async (t) => {
  await using scenery = await scene({ tokens: ['first'] })
  const { server, observed, directory } = scenery
  await observed.until((o) => o.allSynced)
  server.replaceTokens(['second'])
  await server.writeKubeconfig(join(directory, 'config'), { token: 'second' })
  server.resetConnections()
  server.apply(service('api', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/api'))
  t.deepEqual(
    observed.complaints().filter((line) => line.fields.status === 401),
    [],
  )
})

for (const [transport, options] of transports) {
  test(`${transport}: a token that was rotated moves all watches to a new connection, without a complaint`, async (t) => {
    await using scenery = await scene(
      { ...options, tokens: ['first', 'second'] },
      { timings: { credentialCheckMs: 50 } },
    )
    const { server, observed, directory } = scenery
    await observed.until((o) => o.allSynced)
    await server.writeKubeconfig(join(directory, 'config'), { token: 'second' })
    await observed.until(
      () =>
        server.requests.filter((r) => r.query.has('resourceVersion')).length >= 4 &&
        server.watchCount('Node') === 1,
    )
    server.replaceTokens(['second'])
    server.apply(service('api', '10.96.0.3'))
    await observed.until((o) => o.records.has('Service shop/api'))
    t.deepEqual(observed.complaints(), [])
  })
}

test('a token that stays refused is one line, and works once it is accepted', async (t) => {
  await using scenery = await scene({ tokens: ['first'] }, {}, (server) => server.replaceTokens(['other']))
  const { server, observed } = scenery
  await observed.until((o) => o.complaints('services').length > 0)
  t.is(observed.complaints('services')[0]?.fields.status, 401)
  server.replaceTokens(['first'])
  await observed.until((o) => o.allSynced)
  t.is(observed.complaints('services').length, 1)
})

test('a client certificate opens the door', async (t) => {
  const server = new ApiServer({ clientCertificates: true })
  await server.start()
  server.load([service('web'), node('node-1')])
  const directory = await mkdtemp(join(tmpdir(), 'portolan-source-'))
  try {
    const kubeconfig = join(directory, 'config')
    await server.writeKubeconfig(kubeconfig, { certificate: await server.issueClientCertificate('proxy') })
    await using observed = await ObservedSource.start({ kubeconfig })
    await observed.until((o) => o.allSynced)
    t.deepEqual(observed.keys('Service'), ['shop/web'])
    t.deepEqual(observed.complaints(), [])
    await server.writeKubeconfig(kubeconfig, {})
    await using stranger = await ObservedSource.start({ kubeconfig })
    await stranger.until((o) => o.complaints('services').length > 0)
    t.is(stranger.complaints('services')[0]?.fields.status, 401)
  } finally {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
})

test('in a pod the service account serves, and its rotated token is read from the file', async (t) => {
  const server = new ApiServer({ tokens: ['first'] })
  await server.start()
  server.load([service('web'), node('node-1')])
  const directory = await mkdtemp(join(tmpdir(), 'portolan-source-'))
  try {
    await writeFile(join(directory, 'token'), 'first\n')
    await writeFile(join(directory, 'ca.crt'), server.certificateAuthority ?? '')
    const { hostname, port } = new URL(server.url)
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
    await using observed = await ObservedSource.start({ environment, serviceAccountDirectory: directory })
    await observed.until((o) => o.allSynced)
    t.true(observed.source.description.startsWith(server.url))
    await writeFile(join(directory, 'token'), 'second\n')
    server.replaceTokens(['second'])
    server.resetConnections()
    server.apply(service('api', '10.96.0.3'))
    await observed.until((o) => o.records.has('Service shop/api'))
    t.false(observed.complaints().some((line) => line.fields.status === 401))
  } finally {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
})

test('a server that a certificate of another authority would impersonate is not believed', async (t) => {
  await using scenery = await scene()
  const { observed } = scenery
  await observed.until((o) => o.allSynced)
  const impostor = new ApiServer({ port: Number(new URL(scenery.server.url).port) })
  await scenery.server.stop()
  await impostor.start()
  try {
    impostor.load([service('evil')])
    await observed.until((o) =>
      o.complaints('services').some((line) => /self-signed|certificate/.test(line.message)),
    )
    t.false(observed.records.has('Service shop/evil'))
    t.true(observed.records.has('Service shop/web'))
  } finally {
    await impostor.stop()
  }
})

test('stops at once while a server that says nothing is being connected to', async (t) => {
  await using scenery = await scene(
    { freezable: true },
    { timings: { ...shortTimings, connectTimeoutMs: 60_000 } },
  )
  const { server, observed } = scenery
  await observed.until((o) => o.allSynced)
  server.freeze()
  await observed.until((o) => o.complaints().length > 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await observed.source.stop()
  const { length } = observed.deliveries
  server.thaw()
  server.apply(service('api', '10.96.0.3'))
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.is(observed.deliveries.length, length)
})
