import test from 'ava'
import { Registry } from 'prom-client'
import type { SyncProgress } from '../../engine/progress.ts'
import type { IpFamily } from '../../network/address.ts'
import { ProgressMetrics } from '../progress-metrics.ts'
import { exampleApplied } from './example-applied.ts'
import { scrape } from './scrape.ts'

class Bench {
  now = 1000
  version = '10'
  readonly progress = new Map<IpFamily, SyncProgress>([['IPv4', {}]])
  readonly #registry = new Registry()
  readonly metrics = new ProgressMetrics(
    this.#registry,
    () => ({
      syncOf: (family) => this.progress.get(family),
      source: () => [{ resource: 'services', resourceVersion: this.version, at: 900 }],
    }),
    () => this.now,
  )

  async get(name: string): Promise<number | undefined> {
    return (await scrape(this.#registry)).get(`portolan_${name}`)
  }

  /** An event comes. */
  event(family: IpFamily, version: string): void {
    this.metrics.onPending(family)
    this.progress.set(family, { ...this.progress.get(family), unappliedSince: this.now })
    this.version = version
  }

  applied(family: IpFamily, computed: number, unappliedSince?: number): void {
    const timings = { begun: computed, computed, compiled: computed, applied: this.now }
    this.metrics.onApplied(exampleApplied({ family, timings }))
    const waiting = unappliedSince === undefined ? {} : { unappliedSince }
    this.progress.set(family, { inSyncAt: computed, ...waiting })
  }
}

const applied = 'applied_resource_version{resource="services"}'

test('nothing is applied before the first apply', async (t) => {
  const bench = new Bench()
  t.is(await bench.get(applied), undefined)
  t.is(await bench.get('source_resource_version{resource="services"}'), 10)
  bench.applied('IPv4', 1000)
  t.is(await bench.get(applied), 10)
})

test('without anything waiting the kernel has what was read, bookmarks too', async (t) => {
  const bench = new Bench()
  bench.applied('IPv4', 1000)
  bench.version = '20'
  t.is(await bench.get(applied), 20)
})

test('while an event waits, the kernel has what was read before it', async (t) => {
  const bench = new Bench()
  bench.applied('IPv4', 1000)
  bench.version = '20'
  bench.now = 2000
  bench.event('IPv4', '21')
  bench.now = 5000
  t.is(await bench.get(applied), 20)
  t.is(await bench.get('pending_age_seconds{ip_family="IPv4"}'), 3)
  bench.applied('IPv4', 5000)
  t.is(await bench.get(applied), 21)
  t.is(await bench.get('pending_age_seconds{ip_family="IPv4"}'), 0)
})

test('an apply that began before an event came has all that was read before the event', async (t) => {
  const bench = new Bench()
  bench.applied('IPv4', 1000)
  bench.now = 2000
  bench.event('IPv4', '11')
  bench.now = 2010
  bench.event('IPv4', '12')
  bench.applied('IPv4', 2005, 2010)
  t.is(await bench.get(applied), 11)
})

test('an event that comes to nothing is applied, and the next one begins anew', async (t) => {
  const bench = new Bench()
  bench.applied('IPv4', 1000)
  bench.event('IPv4', '11')
  bench.metrics.onUnchanged('IPv4')
  bench.progress.set('IPv4', { inSyncAt: 1000 })
  bench.version = '30'
  bench.event('IPv4', '31')
  t.is(await bench.get(applied), 30)
})

test('the slower family decides', async (t) => {
  const bench = new Bench()
  bench.progress.set('IPv6', {})
  bench.applied('IPv4', 1000)
  t.is(await bench.get(applied), undefined)
  bench.applied('IPv6', 1000)
  bench.event('IPv6', '11')
  bench.version = '12'
  t.is(await bench.get(applied), 10)
})

test('a version that is no number is not shown', async (t) => {
  const bench = new Bench()
  bench.version = 'a1'
  bench.applied('IPv4', 1000)
  t.is(await bench.get(applied), undefined)
  t.is(await bench.get('source_progress_age_seconds{resource="services"}'), 0.1)
})

test('applies that fail in a row are counted until one succeeds', async (t) => {
  const bench = new Bench()
  const failures = () => bench.get('failed_applies_in_a_row{ip_family="IPv4"}')
  t.is(await failures(), 0)
  bench.progress.set('IPv4', { unappliedSince: 1000, failure: { error: new Error('refused'), inARow: 2 } })
  t.is(await failures(), 2)
})
