import { join } from 'node:path'
import { realApiServerTest } from '@portolan/real-api-server'
import test from 'ava'
import { defaultTimings } from '../timings.ts'
import type { ObservedSource } from './observed-source.ts'
import { delivered, generousMs, inParallel, RealCluster, services, slice } from './real-cluster.ts'

// A real kube-apiserver that goes away, comes back, and holds clients off.

const real = realApiServerTest(test)
const limitMs = 600_000

const some = Array.from({ length: 40 }, (_, number) => slice(`some-${number}`, [`10.1.0.${number}`]))

const threePages = Array.from({ length: 1101 }, (_, number) =>
  slice(`page-${number}`, [`10.1.${number >> 8}.${number & 255}`]),
)

/** With the timings of operation: how soon it comes back is theirs. */
async function scene(
  flags: readonly string[] = [],
): Promise<{ cluster: RealCluster; observed: ObservedSource }> {
  const cluster = await RealCluster.start({ flags })
  await inParallel(some, 8, (object) => cluster.createObject(object))
  const observed = await cluster.source({ timings: defaultTimings })
  await observed.until((o) => o.allSynced, generousMs)
  await cluster.converged(observed)
  return { cluster, observed }
}

real('killed again and again while objects change, it is followed to the last change', async (t) => {
  t.timeout(limitMs)
  const { cluster, observed } = await scene()
  await using _cluster = cluster
  await using _observed = observed
  let changing = true
  let changes = 0
  const writer = (async () => {
    while (changing) {
      const number = changes % some.length
      // Refused while the server is away; there is always a next one.
      await cluster.apply(slice(`some-${number}`, [`10.2.${changes >> 8}.${changes & 255}`])).then(
        () => changes++,
        () => new Promise((resolve) => setTimeout(resolve, 20)),
      )
    }
  })()
  try {
    for (let round = 0; round < 3; round++) {
      await (round === 1 ? cluster.server.shutDown() : cluster.server.kill())
      await cluster.server.start()
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    await observed.until(() => changes > some.length, generousMs)
  } finally {
    changing = false
    await writer
  }
  await cluster.converged(observed)
  t.deepEqual(observed.problems, [])
})

real(
  'restored to an older state, it is believed: what is gone goes, and what was deleted comes back',
  async (t) => {
    t.timeout(limitMs)
    const { cluster, observed } = await scene()
    await using _cluster = cluster
    await using _observed = observed
    const backup = await cluster.server.backUp()
    await cluster.remove(slice('some-1', []))
    await cluster.apply(slice('some-2', ['10.9.9.9']))
    await cluster.createObject(slice('young', ['10.9.9.9']))
    await inParallel(some.slice(10), 8, (object) => cluster.apply(slice(object.metadata.name, ['10.9.0.1'])))
    await cluster.converged(observed)
    await cluster.server.restore(backup)
    await cluster.converged(observed)
    const lines = delivered(observed).join('\n')
    t.false(lines.includes('young'))
    t.true(lines.includes('shop/some-1 '))
    t.false(lines.includes('10.9.9.9'))
  },
)

real('frozen and thawed, and killed while it is frozen, no change is lost', async (t) => {
  t.timeout(limitMs)
  const { cluster, observed } = await scene()
  await using _cluster = cluster
  await using _observed = observed
  cluster.server.freeze()
  await observed.until((o) => o.complaints().length > 0, generousMs)
  cluster.server.thaw()
  await cluster.remove(slice('some-3', []))
  await cluster.converged(observed)
  t.false(delivered(observed).join('\n').includes('shop/some-3 '))
  cluster.server.freeze()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  await cluster.server.kill()
  await cluster.server.start()
  await cluster.remove(slice('some-4', []))
  await cluster.converged(observed)
  t.false(delivered(observed).join('\n').includes('shop/some-4 '))
})

real('GOAWAY moves clients on, and is no failure', async (t) => {
  t.timeout(limitMs)
  // The largest chance there is: 2 %.
  const { cluster, observed } = await scene(['--goaway-chance=0.02'])
  await using _cluster = cluster
  await using _observed = observed
  // Short watches are requests enough for some of them to be sent away. A heartbeat would take a busy machine for a
  // server that has stopped answering.
  const timings = { ...defaultTimings, watchSeconds: 1, stableAfterMs: 500, heartbeatIntervalMs: limitMs }
  await using sources = new AsyncDisposableStack()
  const moved: ObservedSource[] = []
  for (let number = 0; number < 4; number++) moved.push(sources.use(await cluster.source({ timings })))
  for (const one of moved) await one.until((o) => o.allSynced, generousMs)
  const log = () => moved.flatMap((one) => one.log)
  const connections = () => log().filter(({ message }) => message === 'connected').length
  const enough = moved.length + 2
  let turn = 0
  for (const end = performance.now() + 2 * generousMs; connections() < enough && performance.now() < end; ) {
    await cluster.apply(slice('some-5', [`10.3.${++turn >> 8}.${turn & 255}`]))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  t.true(connections() >= enough, `${connections()} connections`)
  for (const one of [...moved, observed]) await cluster.converged(one)
  t.deepEqual(
    moved.flatMap((one) => one.complaints()),
    [],
  )
})

real('429 with Retry-After holds a source off, and it is there once it may', async (t) => {
  t.timeout(limitMs)
  // Two requests at a time, and no queues: the third is told to come later.
  const flags = [
    '--enable-priority-and-fairness=false',
    '--max-requests-inflight=2',
    '--max-mutating-requests-inflight=2',
  ]
  // The group system:masters is never held off, so the source and the flood are of another user.
  const tokens = { reader: { name: 'reader' } }
  await using cluster = await RealCluster.start({ flags, tokens })
  await cluster.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'reader' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'reader' }],
  })
  await inParallel(threePages, 2, (object) => cluster.createObject(object))
  let refused = 0
  let flooding = true
  const flood = inParallel(Array.from({ length: 24 }), 24, async () => {
    while (flooding) {
      const answer = await cluster.server.client.request('GET', services, { token: 'reader' })
      if (answer.status === 429) refused += 1
    }
  })
  const endFlood = async () => {
    flooding = false
    await flood
  }
  await using flooded = new AsyncDisposableStack()
  flooded.defer(endFlood)
  const kubeconfig = join(cluster.folder, 'kubeconfig-reader')
  await cluster.server.writeKubeconfig(kubeconfig, 'reader')
  await using observed = await cluster.source({ kubeconfig, timings: defaultTimings })
  await new Promise((resolve) => setTimeout(resolve, 4000))
  await observed.until(() => refused > 0, generousMs)
  await endFlood()
  await observed.until((o) => o.allSynced, generousMs)
  await cluster.converged(observed)
  t.true(refused > 0)
})
