import test from 'ava'
import { Registry } from 'prom-client'
import { FlowMetrics } from '../flow-metrics.ts'
import { scrape } from './scrape.ts'

test('passes through the flows of UDP are counted and timed, those that fail too', async (t) => {
  const registry = new Registry()
  const metrics = new FlowMetrics(registry)
  metrics.begin('IPv4')
  metrics.onFlowsForgotten({ family: 'IPv4', read: 100, deleted: 7, took: 500 })
  metrics.onFlowsForgotten({ family: 'IPv4', read: 100, deleted: 0, took: 250 })
  metrics.onFlowsFailed({
    family: 'IPv4',
    error: new Error('refused'),
    took: 250,
    failures: 1,
    retryIn: 1000,
  })
  const scraped = await scrape(registry)
  const label = '{ip_family="IPv4"}'
  t.is(scraped.get(`kubeproxy_conntrack_reconciler_sync_duration_seconds_count${label}`), 3)
  t.is(scraped.get(`kubeproxy_conntrack_reconciler_sync_duration_seconds_sum${label}`), 1)
  t.is(scraped.get(`kubeproxy_conntrack_reconciler_deleted_entries_total${label}`), 7)
  t.is(scraped.get(`portolan_flow_cleanup_failures_total${label}`), 1)
})
