import test from 'ava'
import type { NodeRecord } from '../../cluster/records.ts'
import { DataplaneError } from '../../dataplane/dataplane-error.ts'
import type { SyncProgress } from '../../engine/progress.ts'
import type { IpFamily } from '../../network/address.ts'
import type { SourceStatus } from '../../proxy/source-status.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { goTime } from '../go-time.ts'
import type { WatchedProxy } from '../health-problems.ts'
import type { HttpAnswer, HttpHandler } from '../http-answer.ts'
import { ProxyHealth } from '../proxy-health.ts'

const start = Date.parse('2026-01-02T03:04:05.000Z')
const node: NodeRecord = { kind: 'Node', key: 'here', zone: '', addresses: [], podCidrs: [] }

/** A proxy that says what it is told to say. */
class ToldProxy implements WatchedProxy {
  readonly families = ['IPv4', 'IPv6'] as const
  readonly said: Partial<Record<IpFamily, SyncProgress>> = {}
  sourceStatus: Pick<SourceStatus, 'ownNode' | 'unreadable' | 'failures'> = {
    ownNode: node,
    unreadable: new Set(),
    failures: new Map(),
  }
  awaited: readonly string[] = []

  progress(family: IpFamily): SyncProgress | undefined {
    return this.said[family]
  }
}

function bench() {
  const clock = new VirtualClock()
  const health = new ProxyHealth({ syncPeriod: 30_000, clock, wallClock: () => start + clock.now() })
  const proxy = new ToldProxy()
  health.watch(proxy)
  return { clock, health, proxy }
}

async function answer(
  handler: HttpHandler,
): Promise<HttpAnswer & { readonly json: Record<string, unknown> }> {
  const given = await handler({ method: 'GET', path: '/', query: new URLSearchParams(), headers: {} })
  return { ...given, json: JSON.parse(String(given.body)) }
}

test('before anything is known the proxy lives, and the node gets no new connections', async (t) => {
  const clock = new VirtualClock()
  const health = new ProxyHealth({ syncPeriod: 30_000, clock, wallClock: () => start })
  const [healthz, livez] = [await answer(health.healthz), await answer(health.livez)]
  const now = '2026-01-02T03:04:05Z'
  t.is(healthz.status, 503)
  t.is(
    healthz.body,
    `{"lastUpdated":"0001-01-01T00:00:00Z","currentTime":"${now}","nodeEligible":false,"healthy":true}`,
  )
  t.is(livez.status, 200)
  t.is(livez.body, `{"lastUpdated":"${now}","currentTime":"${now}","healthy":true}`)
  t.is(livez.headers['Content-Type'], 'application/json')
})

test('the body has the fields of kube-proxy, in its order', async (t) => {
  const { clock, health, proxy } = bench()
  proxy.said.IPv4 = { inSyncAt: 0 }
  proxy.said.IPv6 = { inSyncAt: 500 }
  await clock.pass(1500)
  const { status, body } = await answer(health.healthz)
  t.is(status, 200)
  const now = '2026-01-02T03:04:06.5Z'
  t.is(
    body,
    `{"lastUpdated":"${now}","currentTime":"${now}","nodeEligible":true,"healthy":true,"status":{` +
      '"IPv4":{"lastUpdated":"2026-01-02T03:04:05Z","healthy":true},' +
      '"IPv6":{"lastUpdated":"2026-01-02T03:04:05.5Z","healthy":true}}}',
  )
})

interface Row {
  readonly claim: string
  /** Seconds since each family has had something to apply. */
  readonly unapplied: Partial<Record<IpFamily, number>>
  readonly node?: NodeRecord | 'gone'
  readonly healthz: 200 | 503
  readonly livez: 200 | 503
}

const rows: readonly Row[] = [
  { claim: 'in sync', unapplied: {}, healthz: 200, livez: 200 },
  { claim: 'an update of less than twice syncPeriod', unapplied: { IPv4: 59.9 }, healthz: 200, livez: 200 },
  { claim: 'IPv4 late', unapplied: { IPv4: 60 }, healthz: 503, livez: 503 },
  { claim: 'IPv6 late, which IPv4 cannot hide', unapplied: { IPv4: 1, IPv6: 70 }, healthz: 503, livez: 503 },
  { claim: 'both late', unapplied: { IPv4: 70, IPv6: 70 }, healthz: 503, livez: 503 },
  {
    claim: 'the node is being deleted',
    unapplied: {},
    node: { ...node, leaving: 'deletion' },
    healthz: 503,
    livez: 200,
  },
  {
    claim: 'the autoscaler removes the node',
    unapplied: {},
    node: { ...node, leaving: 'autoscaler' },
    healthz: 503,
    livez: 200,
  },
  { claim: 'the Node object is gone', unapplied: {}, node: 'gone', healthz: 503, livez: 200 },
  { claim: 'gone and late', unapplied: { IPv6: 60 }, node: 'gone', healthz: 503, livez: 503 },
]

for (const row of rows) {
  test(`health: ${row.claim}`, async (t) => {
    const { clock, health, proxy } = bench()
    const { node: own = node } = row
    proxy.sourceStatus = { ...proxy.sourceStatus, ownNode: own === 'gone' ? undefined : own }
    await clock.pass(100_000)
    for (const family of proxy.families) {
      const seconds = row.unapplied[family]
      proxy.said[family] = {
        inSyncAt: 0,
        ...(seconds === undefined ? {} : { unappliedSince: clock.now() - seconds * 1000 }),
      }
    }
    const [healthz, livez] = [await answer(health.healthz), await answer(health.livez)]
    t.deepEqual([healthz.status, livez.status], [row.healthz, row.livez])
    for (const { json, status } of [healthz, livez]) {
      const late = proxy.families.filter((family) => (row.unapplied[family] ?? 0) >= 60)
      t.is(json.healthy, late.length === 0)
      for (const family of proxy.families) {
        const { healthy } = (json.status as Record<IpFamily, { readonly healthy: boolean }>)[family]
        t.is(healthy, !late.includes(family))
      }
      t.is(json.lastUpdated, goTime(status === 200 ? start + 100_000 : start), 'now while all is well')
    }
    t.is(healthz.json.nodeEligible, own === node)
    t.false('nodeEligible' in livez.json)
  })
}

test('a first apply that never gets through is late too', async (t) => {
  const { clock, health, proxy } = bench()
  proxy.said.IPv4 = { unappliedSince: 0 }
  await clock.pass(59_999)
  t.deepEqual(
    [(await answer(health.livez)).status, (await answer(health.livez)).json.status],
    [200, undefined],
  )
  await clock.pass(1)
  const { status, json } = await answer(health.livez)
  t.is(status, 503)
  t.deepEqual(json.status, {
    IPv4: {
      lastUpdated: '0001-01-01T00:00:00Z',
      healthy: false,
      unappliedSince: '2026-01-02T03:04:05Z',
    },
  })
})

test('what else is wrong is told beside it and changes no status', async (t) => {
  const { clock, health, proxy } = bench()
  const error = Object.assign(new Error('Service secret/name'), { code: 'APPLY_REFUSED' })
  await clock.pass(1000)
  proxy.said.IPv6 = { inSyncAt: 0, unappliedSince: 1000, failure: { error, inARow: 3 } }
  proxy.awaited = ['list of Services']
  proxy.sourceStatus = {
    ownNode: node,
    unreadable: new Set(['ServiceCIDR']),
    failures: new Map([['Service', { code: 'API_STATUS', since: 500 }]]),
  }
  health.onFault(
    new DataplaneError('DATAPLANE_METHOD_HANGS', { dataplane: 'x', method: 'isUnchanged' }, 'hangs'),
  )
  const { status, json } = await answer(health.healthz)
  t.is(status, 200)
  t.deepEqual(json.problems, [
    { problem: 'waiting', for: ['list of Services'] },
    {
      problem: 'apply-failed',
      family: 'IPv6',
      code: 'APPLY_REFUSED',
      failures: 3,
      since: '2026-01-02T03:04:06Z',
    },
    { problem: 'api-failed', kind: 'Service', code: 'API_STATUS', since: '2026-01-02T03:04:05.5Z' },
    { problem: 'resource-unavailable', kind: 'ServiceCIDR' },
    { problem: 'dataplane-fault', code: 'DATAPLANE_METHOD_HANGS', method: 'isUnchanged', faults: 1 },
  ])
})

test('since when something is wrong stays the same time, also when the clock of the wall is set', async (t) => {
  const clock = new VirtualClock()
  let set = 0
  const wallClock = () => Math.floor(start + set + clock.now())
  const health = new ProxyHealth({ syncPeriod: 30_000, clock, wallClock })
  const proxy = new ToldProxy()
  health.watch(proxy)
  await clock.pass(1000)
  proxy.said.IPv4 = { inSyncAt: 0, unappliedSince: 1000.4, failure: { error: new Error('no'), inARow: 3 } }
  const since = new Set<unknown>()
  for (let time = 0; time < 100; time++) {
    await clock.pass(7.3)
    if (time === 50) set = 3_600_000
    // Others are asked for as well, each once.
    proxy.said.IPv6 = { inSyncAt: clock.now() }
    const { problems } = (await answer(health.healthz)).json as { problems: { since: unknown }[] }
    since.add(problems[0]?.since)
  }
  t.is(since.size, 1, [...since].join(', '))
})

test('times are written as Go writes them', (t) => {
  const rows: readonly (readonly [at: number | undefined, text: string])[] = [
    [undefined, '0001-01-01T00:00:00Z'],
    [0, '1970-01-01T00:00:00Z'],
    [10, '1970-01-01T00:00:00.01Z'],
    [100, '1970-01-01T00:00:00.1Z'],
    [1234, '1970-01-01T00:00:01.234Z'],
    [600_000, '1970-01-01T00:10:00Z'],
  ]
  for (const [at, text] of rows) t.is(goTime(at), text)
})
