import { administrator, cachedEtcd, hasWatchProgress, realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import { inParallel, RealCluster, service, slice, slices } from './real-cluster.ts'
import { WatchedRequests } from './watched-requests.ts'

// What a source does with the lists and versions of a real kube-apiserver.

const real = realApiServerTest(test)
const limitMs = 120_000

/** More than two pages of 500. */
const many = Array.from({ length: 1100 }, (_, number) =>
  slice(`many-${number}`, [`10.1.${number >> 8}.${number & 255}`]),
)

function watchedRequests(
  { server }: RealCluster,
  before?: (url: URL) => Promise<void>,
): Promise<WatchedRequests> {
  const { url, certificateAuthority: ca } = server
  return WatchedRequests.start({ url, ca, token: administrator }, before)
}

real('the list comes in pages of gzip from the watch cache, and the watch goes on from there', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  await inParallel(many, 16, (object) => cluster.createObject(object))
  await cluster.createObject(service('web'))
  await cluster.createObject(slice('web', ['10.1.0.1']))
  await using requests = await watchedRequests(cluster)
  await using observed = await cluster.source({ credentials: requests.credentials })
  await observed.until((o) => o.allSynced, limitMs)
  await cluster.converged(observed)
  await cluster.apply(slice('web', ['10.1.0.1', '10.1.0.2']))
  await cluster.converged(observed)
  const about = requests.seen.filter((request) => request.startsWith(slices))
  t.is(about.length, 4, about.join('\n'))
  t.true(about.slice(0, 3).every((request) => request.includes('limit=500') && !request.includes('watch')))
  t.true(about.slice(0, 3).every((request) => !request.includes('resourceVersion')))
  t.regex(about[3] ?? '', /watch=true.*resourceVersion=\d+/)
  const encodings = requests.answered.filter(({ request }) => request.startsWith(slices))
  t.deepEqual(
    encodings.map(({ encoding }) => encoding),
    // The last page is too small for the server to compress it.
    ['gzip', 'gzip', '', ''],
  )
  t.deepEqual(observed.complaints(), [])
  t.deepEqual(observed.problems, [])
})

const old = cachedEtcd()

function realWithOldEtcd(title: string, implementation: Parameters<typeof real>[1]): void {
  if (old === undefined) real.skip(title, "Debian's etcd is not there")
  else if (hasWatchProgress(old)) real.skip(title, `etcd ${old.version} is too new`)
  else real(title, implementation)
}

realWithOldEtcd(
  'a list whose continue token expires between two pages begins anew, and loses nothing',
  async (t) => {
    t.timeout(limitMs)
    await using cluster = await RealCluster.start({ etcd: 'debian' })
    await inParallel(many, 16, (object) => cluster.createObject(object))
    let interrupted = false
    const { promise: over, resolve: goOn } = Promise.withResolvers<void>()
    await using requests = await watchedRequests(cluster, async (url) => {
      // All else waits: a watch that the restart breaks would end the list as well.
      if (url.pathname === '/version') return
      if (url.pathname !== slices || interrupted) return over
      if (!url.searchParams.has('continue')) return
      interrupted = true
      // What the first page had and the next ones would have had.
      await cluster.remove(slice('many-0', []))
      await cluster.remove(slice('many-999', []))
      await cluster.apply(slice('many-500', ['10.1.9.9']))
      await cluster.server.compact()
      // The watch cache would still have the state that the token is of.
      await cluster.server.kill()
      await cluster.server.start()
      goOn()
    })
    await using observed = await cluster.source({
      credentials: requests.credentials,
      timings: { responseTimeoutMs: limitMs, heartbeatIntervalMs: limitMs },
    })
    await observed.until((o) => o.allSynced, limitMs)
    await cluster.converged(observed)
    t.true(interrupted)
    const expired = observed.complaints('endpointslices.discovery.k8s.io')
    t.true(
      expired.some(({ message, fields }) => `${message} ${JSON.stringify(fields)}`.includes('too old')),
      JSON.stringify(expired),
    )
    t.deepEqual(observed.problems, [])
  },
)

real('after a version that is compacted a list is delivered as the difference', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  for (const name of ['a', 'b', 'c']) await cluster.createObject(slice(name, ['10.1.0.1']))
  let way = Promise.resolve()
  await using requests = await watchedRequests(cluster, () => way)
  await using observed = await cluster.source({ credentials: requests.credentials })
  await observed.until((o) => o.allSynced, limitMs)
  await cluster.converged(observed)
  const before = observed.deliveries.length
  const { promise, resolve: reopen } = Promise.withResolvers<void>()
  way = promise
  await cluster.server.kill()
  await cluster.server.start()
  await cluster.remove(slice('a', []))
  await cluster.apply(slice('b', ['10.1.0.2']))
  await cluster.server.compact()
  // The watch cache of a server that starts now begins after the version that the source has.
  await cluster.server.kill()
  await cluster.server.start()
  reopen()
  await cluster.converged(observed)
  const expired = observed.complaints('endpointslices.discovery.k8s.io')
  t.true(
    expired.some(({ fields }) => JSON.stringify(fields).includes('API_EXPIRED')),
    JSON.stringify(expired),
  )
  // Over a new connection no known version is trusted, so `c` comes again.
  t.deepEqual(
    observed.deliveries
      .slice(before)
      .filter((delivery) => /shop\//.test(delivery))
      .sort(),
    ['remove EndpointSlice shop/a', 'set EndpointSlice shop/b', 'set EndpointSlice shop/c'],
  )
})

real('watches that end by their time limit are followed by the next, without a list', async (t) => {
  t.timeout(limitMs)
  await using cluster = await RealCluster.start()
  await cluster.createObject(slice('web', ['10.1.0.1']))
  await using requests = await watchedRequests(cluster)
  await using observed = await cluster.source({
    credentials: requests.credentials,
    timings: { watchSeconds: 2, stableAfterMs: 1000 },
  })
  await observed.until((o) => o.allSynced, limitMs)
  const watches = () => requests.seen.filter((request) => request.startsWith(slices))
  await observed.until(() => watches().length >= 3, limitMs)
  await cluster.apply(slice('web', ['10.1.0.2']))
  await cluster.converged(observed)
  t.false(watches()[0]?.includes('watch=true'))
  t.true(
    watches()
      .slice(1)
      .every((request) => /[?&]resourceVersion=\d+/.test(request)),
    watches().join('\n'),
  )
  t.deepEqual(observed.complaints(), [])
})
