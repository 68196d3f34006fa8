import test from 'ava'
import { Registry } from 'prom-client'
import { SyncMetrics } from '../sync-metrics.ts'
import { exampleApplied, exampleFailed } from './example-applied.ts'
import { scrape } from './scrape.ts'

const now = 1_700_000_000_000

function bench(dataplane = 'nftables') {
  const registry = new Registry()
  const clocks = { wall: now, engine: 1000, queuedAt: 995 }
  const metrics = new SyncMetrics({
    registry,
    dataplane,
    wallClock: () => clocks.wall,
    now: () => clocks.engine,
    queuedAt: () => clocks.queuedAt,
  })
  metrics.begin('IPv4')
  return { registry, metrics, clocks, scraped: () => scrape(registry) }
}

const prefix = 'kubeproxy_sync_proxy_rules'

/** The bounds of a histogram, as its series are written. */
function boundsOf(scraped: ReadonlyMap<string, number>, name: string): number[] {
  const bound = new RegExp(`^${name}_bucket\\{le="([^"]+)",`)
  return [...scraped.keys()].flatMap((series) => bound.exec(series)?.[1] ?? []).map(Number)
}

test('the buckets are those of kube-proxy', async (t) => {
  const scraped = await bench().scraped()
  const sync = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power)
  for (const kind of ['sync', 'sync_full', 'sync_partial'])
    t.deepEqual(boundsOf(scraped, `kubeproxy_${kind}_proxy_rules_duration_seconds`).slice(0, -1), sync)
  const bounds = boundsOf(scraped, 'kubeproxy_network_programming_duration_seconds').slice(0, -1)
  t.is(bounds.length, 2 + 59 + 12 + 7)
  t.deepEqual(bounds.slice(0, 4), [0.25, 0.5, 1, 2])
  t.deepEqual(bounds.slice(60, 63), [59, 60, 65])
  t.deepEqual(bounds.slice(-8), [115, 120, 150, 180, 210, 240, 270, 300])
})

test('an apply of a change is a partial sync, any other is a full one', async (t) => {
  const { metrics, scraped } = bench()
  metrics.onApplied(exampleApplied({ why: 'start' }))
  metrics.onApplied(exampleApplied({ why: 'change' }))
  metrics.onApplied(exampleApplied({ why: 'repair' }))
  const after = await scraped()
  t.is(after.get(`${prefix}_duration_seconds_count{ip_family="IPv4"}`), 3)
  t.is(after.get(`${prefix}_duration_seconds_sum{ip_family="IPv4"}`), 0.03)
  t.is(after.get('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}'), 2)
  t.is(after.get('kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}'), 1)
})

test('each trigger time is measured to now, and one from the future counts as no time', async (t) => {
  const { metrics, scraped } = bench()
  metrics.onApplied(exampleApplied({ triggerTimes: [now - 1500, now + 60_000] }))
  const after = await scraped()
  const name = 'kubeproxy_network_programming_duration_seconds'
  t.is(after.get(`${name}_count{ip_family="IPv4"}`), 2)
  t.is(after.get(`${name}_sum{ip_family="IPv4"}`), 1.5)
  t.is(after.get(`${name}_bucket{le="0.25",ip_family="IPv4"}`), 1)
})

test('the time of the last sync is that of its end, also when it came to nothing', async (t) => {
  const { metrics, scraped } = bench()
  t.is((await scraped()).get(`${prefix}_last_timestamp_seconds{ip_family="IPv4"}`), 0)
  metrics.onUnchanged('IPv4')
  const after = await scraped()
  t.is(after.get(`${prefix}_last_timestamp_seconds{ip_family="IPv4"}`), now / 1000)
  t.is(after.get(`${prefix}_last_queued_timestamp_seconds{ip_family="IPv4"}`), (now - 5) / 1000)
})

test('the time at which a sync was last asked for stays what it was when the clock of the day is set', async (t) => {
  const { clocks, scraped } = bench()
  const name = `${prefix}_last_queued_timestamp_seconds{ip_family="IPv4"}`
  await scraped()
  clocks.wall += 3_600_000
  clocks.engine += 10
  t.is((await scraped()).get(name), (now - 5) / 1000)
  clocks.queuedAt = 1010
  t.is((await scraped()).get(name), (now + 3_600_000) / 1000)
})

const failures = [
  ['nftables', `${prefix}_nftables_sync_failures_total`, 2],
  ['iptables', `${prefix}_iptables_restore_failures_total`, 1],
  ['iptables', `${prefix}_iptables_partial_restore_failures_total`, 1],
  ['ipvs', `${prefix}_iptables_restore_failures_total`, 2],
] as const

for (const [dataplane, name, count] of failures) {
  test(`${dataplane}: ${name} counts ${count} of a failed change and a failed retry`, async (t) => {
    const { metrics, scraped } = bench(dataplane)
    metrics.onFailed(exampleFailed({ why: 'change' }))
    metrics.onFailed(exampleFailed({ why: 'retry' }))
    const after = await scraped()
    t.is(after.get(`${name}{ip_family="IPv4"}`), count)
    t.is(after.get(`${prefix}_duration_seconds_count{ip_family="IPv4"}`), 2)
  })
}

test("a dataplane that kube-proxy doesn't have shows no counter of kube-proxy's modes", async (t) => {
  const { metrics, scraped } = bench('ebpf')
  metrics.onFailed(exampleFailed())
  const names = [...(await scraped()).keys()]
  t.deepEqual(
    names.filter((series) => series.includes('failures')),
    [],
  )
})

test('a family shows when it is heard of, with zeros', async (t) => {
  const { metrics, scraped } = bench()
  const six = () => scraped().then((all) => [...all.keys()].filter((series) => series.includes('IPv6')))
  t.deepEqual(await six(), [])
  metrics.begin('IPv6')
  t.true((await six()).includes('kubeproxy_network_programming_duration_seconds_count{ip_family="IPv6"}'))
})
