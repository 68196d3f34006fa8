import test from 'ava'
import { Registry } from 'prom-client'
import { DataplaneError } from '../../dataplane/dataplane-error.ts'
import { ApplyMetrics } from '../apply-metrics.ts'
import { exampleApplied, exampleFailed } from './example-applied.ts'
import { scrape } from './scrape.ts'

function bench() {
  const registry = new Registry()
  const metrics = new ApplyMetrics(registry)
  metrics.begin('IPv4')
  return { metrics, scraped: () => scrape(registry) }
}

test('each stage is measured, and waiting only where it is known since when', async (t) => {
  const { metrics, scraped } = bench()
  metrics.onApplied(exampleApplied())
  metrics.onApplied(exampleApplied({ timings: { begun: 1, computed: 2, compiled: 3, applied: 4 } }))
  const after = await scraped()
  const stage = (name: string, part: string) =>
    after.get(`portolan_apply_stage_duration_seconds_${part}{ip_family="IPv4",stage="${name}"}`)
  t.deepEqual(
    ['wait', 'compute', 'compile', 'apply'].map((name) => [stage(name, 'count'), stage(name, 'sum')]),
    [
      [1, 0.001],
      [2, 0.003],
      [2, 0.002],
      [2, 0.008],
    ],
  )
})

test('applies are counted by reason and result, with what they wrote', async (t) => {
  const { metrics, scraped } = bench()
  metrics.onApplied(exampleApplied({ why: 'start' }))
  metrics.onFailed(exampleFailed({ failures: 1 }))
  metrics.onFailed(exampleFailed({ why: 'retry', failures: 2 }))
  metrics.onApplied(exampleApplied({ why: 'retry' }))
  const after = await scraped()
  const applies = (reason: string, result: string) =>
    after.get(`portolan_applies_total{ip_family="IPv4",reason="${reason}",result="${result}"}`)
  t.deepEqual(
    [
      applies('start', 'success'),
      applies('change', 'failure'),
      applies('retry', 'failure'),
      applies('retry', 'success'),
      applies('repair', 'success'),
    ],
    [1, 1, 1, 1, 0],
  )
  t.is(after.get('portolan_kernel_operations_total{ip_family="IPv4"}'), 6)
  t.is(after.get('portolan_kernel_written_bytes_total{ip_family="IPv4"}'), 400)
  t.is(after.get('portolan_routes{ip_family="IPv4"}'), 7)
})

test('drift is counted when it is found and when it is repaired', async (t) => {
  const { metrics, scraped } = bench()
  const drift = { family: 'IPv4', operations: 1, findings: ['element gone'] } as const
  metrics.onDrift(drift)
  t.is((await scraped()).get('portolan_drift_repaired_total{ip_family="IPv4"}'), 0)
  metrics.onApplied(exampleApplied({ why: 'repair' }))
  metrics.onDisagreement(drift)
  const after = await scraped()
  t.is(after.get('portolan_drift_found_total{ip_family="IPv4"}'), 1)
  t.is(after.get('portolan_drift_repaired_total{ip_family="IPv4"}'), 1)
  t.is(after.get('portolan_dataplane_disagreements_total{ip_family="IPv4"}'), 1)
})

test('degraded routes are those of now', async (t) => {
  const { metrics, scraped } = bench()
  const degraded = [{ route: 'a/b:/TCP', reason: 'too many endpoints' }]
  metrics.onApplied(exampleApplied({ why: 'start', report: { operations: 1, bytes: 1, degraded } }))
  t.is((await scraped()).get('portolan_degraded_routes{ip_family="IPv4"}'), 1)
  metrics.onApplied(exampleApplied({ why: 'repair' }))
  t.is((await scraped()).get('portolan_degraded_routes{ip_family="IPv4"}'), 0)
})

test('node changes and faults of the dataplane are counted', async (t) => {
  const { metrics, scraped } = bench()
  metrics.onNodeChange()
  metrics.onFault(
    new DataplaneError('DATAPLANE_METHOD_FAILED', { dataplane: 'x', method: 'upkeep' }, 'threw'),
  )
  const after = await scraped()
  t.is(after.get('portolan_node_changes_total'), 1)
  t.is(after.get('portolan_dataplane_faults_total{method="upkeep"}'), 1)
})
