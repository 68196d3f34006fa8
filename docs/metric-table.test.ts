import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { ownDataplanes } from '../core/dataplane/load-dataplane.ts'
import { checkGenerated } from './generated-part.ts'
import { documentedMetrics, metricGroups, metricTable } from './metric-table.ts'

/** `UPDATE_DOCS=1 npx ava docs/metric-table.test.ts` writes the page's tables anew: read the diff. */
const page = fileURLToPath(new URL('./metrics.md', import.meta.url))
const metrics = await documentedMetrics(Object.keys(ownDataplanes))

test.serial("the page's tables have every metric", async (t) => {
  for (const [group, names] of Object.entries(metricGroups))
    await checkGenerated(t, page, `metrics ${group}`, metricTable(metrics, names))
})

test('every metric is in one of the tables, and says what it is', (t) => {
  for (const { name, help } of metrics) {
    t.is(Object.values(metricGroups).filter((names) => names.test(name)).length, 1, name)
    t.true(help.length > 10, name)
  }
})

/** SEMANTICS 20, and what kube-proxy 1.37 has beside it. */
const upstream = [
  'sync_proxy_rules_duration_seconds',
  'sync_full_proxy_rules_duration_seconds',
  'sync_partial_proxy_rules_duration_seconds',
  'sync_proxy_rules_last_timestamp_seconds',
  'sync_proxy_rules_last_queued_timestamp_seconds',
  'network_programming_duration_seconds',
  'sync_proxy_rules_endpoint_changes_pending',
  'sync_proxy_rules_endpoint_changes_total',
  'sync_proxy_rules_service_changes_pending',
  'sync_proxy_rules_service_changes_total',
  'sync_proxy_rules_no_local_endpoints_total',
  'sync_proxy_rules_iptables_total',
  'sync_proxy_rules_iptables_last',
  'sync_proxy_rules_iptables_restore_failures_total',
  'sync_proxy_rules_iptables_partial_restore_failures_total',
  'iptables_ct_state_invalid_dropped_packets_total',
  'iptables_localhost_nodeports_accepted_packets_total',
  'sync_proxy_rules_nftables_sync_failures_total',
  'sync_proxy_rules_nftables_cleanup_failures_total',
  'nftables_localhost_nodeport_listeners',
  'nftables_localhost_nodeport_listener_creation_failures_total',
  'nftables_localhost_nodeport_rejected_packets_total',
  'conntrack_reconciler_sync_duration_seconds',
  'conntrack_reconciler_deleted_entries_total',
  'proxy_healthz_total',
  'proxy_livez_total',
]

test("each of kube-proxy's metrics is there, or the page says why not", async (t) => {
  const text = await readFile(page, 'utf8')
  const absent = text.slice(text.indexOf('## What is not there'))
  for (const name of upstream) {
    const isThere = metrics.some((metric) => metric.name === `kubeproxy_${name}`)
    t.not(isThere, absent.includes(`\`kubeproxy_${name}\``), name)
  }
})
