/** What is served, seen by Prometheus itself: its parser, and the expressions of dashboards and alerts for kube-proxy. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { ApiServer } from '@portolan/api-server'
import { cachedPromtool, checkMetrics, evaluateRules, type Series } from '@portolan/promtool'
import anyTest, { type TestFn } from 'ava'
import { parseFlags } from '../../config/flags.ts'
import { contractVersion, type Dataplane } from '../../dataplane/contract.ts'
import { ProxyMetrics } from '../../metrics/proxy-metrics.ts'
import { seriesOf } from '../../metrics/test/scrape.ts'
import { type Address, ipFamilies } from '../../network/address.ts'
import { startProxy } from '../../proxy/proxy.ts'
import { cidr, node, service, slice } from '../../source/kubernetes/test/small-cluster.ts'
import { byPath } from '../http-answer.ts'
import { startHttpServer } from '../http-server.ts'
import { metricsPages } from '../metrics-pages.ts'

const found = cachedPromtool()
const test = anyTest as TestFn<{ pages: readonly string[] }>
const promtoolTest = found === undefined ? test.skip : test
const promtool = found ?? ''
if (found === undefined)
  test.skip("promtool: none, because setup.sh test couldn't unpack Debian's package prometheus", () => {})

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** Takes everything, and fails the first apply of IPv4. */
function takingDataplane(): Dataplane {
  let fails = true
  return {
    name: 'taking',
    contractVersion,
    capabilities: { families: ipFamilies, protocols: ['TCP'], gaps: {} },
    probe: async () => ({ usable: true, problems: [], facts: {} }),
    start: async () => {},
    stop: async () => {},
    observe: async () => ({}),
    isUnchanged: async () => true,
    compile: ({ family }) => ({ family, operations: 1, findings: [], degraded: [] }),
    reconcile: (_, { family }) => ({ family, operations: 1, findings: [], degraded: [] }),
    print: () => '',
    apply: async ({ family }) => {
      if (family === 'IPv4' && fails) {
        fails = false
        throw new Error('refused once')
      }
      return { operations: 1, bytes: 100, degraded: [] }
    },
    trace: () => [],
    cleanup: async () => ({ removed: [] }),
  }
}

const scrapes = 4
const eventsPath = '/apis/events.k8s.io/v1/namespaces/default/events'

/** Waits until something holds. Throws after two minutes. */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`two minutes without ${what}`)
    await setTimeout(10)
  }
}

/** A proxy that reads an API server, is scraped, and has a change between two scrapes. */
test.before(async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-metrics-'))
  await using api = new ApiServer()
  await api.start()
  api.load([service('web'), slice('web-1', ['10.0.0.1']), node('node-1'), cidr])
  const kubeconfig = join(folder, 'config')
  await api.writeKubeconfig(kubeconfig)
  const config = parseFlags({ kubeconfig, dataplane: 'nftables', auditPeriod: '0' }, { inCluster: false })
  const metrics = new ProxyMetrics({ version: '1.2.3', dataplane: 'nftables' })
  const { observer, apiObserver } = metrics
  const proxy = await startProxy({
    config,
    nodeName: 'node-1',
    logger: silent,
    dataplane: takingDataplane(),
    observer,
    apiObserver,
  })
  metrics.measure(proxy)
  const pages = metricsPages({ registry: metrics.registry, proxyMode: 'nftables', configuration: {} })
  const server = await startHttpServer({
    name: 'metrics',
    addresses: [{ address: '127.0.0.1' as Address, port: 0 }],
    handler: byPath(pages),
    hardFail: true,
    logger: silent,
  })
  const scrape = async () => (await fetch(`http://127.0.0.1:${server.addresses[0]?.port}/metrics`)).text()
  const scraped: string[] = []
  try {
    await proxy.firstApplied
    for (let round = 1; round <= scrapes; round++) {
      const changed = slice('web-1', ['10.0.0.1', `10.0.1.${round}`])
      const trigger = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() }
      api.apply({ ...changed, metadata: { ...changed.metadata, annotations: trigger } })
      api.apply(service(`other-${round}`, `10.96.1.${round}`))
      const asked = AbortSignal.timeout(120_000)
      const body = { contentType: 'application/json', text: '{}' }
      await proxy.source.api?.ask({ method: 'POST', path: eventsPath, body }, asked)
      await proxy.source.api?.ask({ method: 'GET', path: '/api/v1/services' }, asked)
      await until(async () => {
        const now = seriesOf(await scrape())
        const programmed = now.get('kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"}')
        const services = now.get('portolan_routes{ip_family="IPv4"}')
        return programmed === round && services === round + 1
      }, `the kernel having change ${round}`)
      scraped.push(await scrape())
    }
  } finally {
    await server.close()
    await proxy.stop()
    await rm(folder, { recursive: true, force: true })
  }
  t.context.pages = scraped
})

promtoolTest(
  'the page is well formed, and its names are as Prometheus would have them but for one',
  async (t) => {
    const lines = await checkMetrics(promtool, t.context.pages.at(-1) ?? '')
    // kube-proxy's name for it.
    t.deepEqual(lines, [
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total non-counter metrics should not have "_total" suffix',
    ])
  },
)

const scraped = 'job="kube-proxy",instance="10.0.0.7:10249"'

/** What the pages come to as Prometheus stores them: with the labels of the job, a scrape a minute. */
function stored(pages: readonly string[]): Series[] {
  const all = pages.map(seriesOf)
  const names = new Set(all.flatMap((page) => [...page.keys()]))
  const series = [...names].map((name) => ({
    series: name.endsWith('}') ? name.replace(/\}$/, `,${scraped}}`) : `${name}{${scraped}}`,
    values: all.map((page) => page.get(name) ?? 0),
  }))
  return [...series, { series: `up{${scraped}}`, values: pages.map(() => 1) }]
}

/** By kubernetes-mixin's dashboard for kube-proxy; its panel of goroutines is left out. */
const job = 'cluster="", job="kube-proxy"'
const instance = `${job}, instance=~"10.0.0.7:.*"`
const dashboard = [
  `sum(up{${job}})`,
  `sum(rate(kubeproxy_sync_proxy_rules_duration_seconds_count{${instance}}[5m]))`,
  `histogram_quantile(0.99, rate(kubeproxy_sync_proxy_rules_duration_seconds_bucket{${instance}}[5m]))`,
  `sum(rate(kubeproxy_network_programming_duration_seconds_count{${instance}}[5m]))`,
  `histogram_quantile(0.99, sum(rate(kubeproxy_network_programming_duration_seconds_bucket{${instance}}[5m])) by (instance, le))`,
  `sum(rate(rest_client_requests_total{${instance}, code=~"2.."}[5m]))`,
  `histogram_quantile(0.99, sum(rate(rest_client_request_duration_seconds_bucket{${instance}, verb="POST"}[5m])) by (verb, url, le))`,
  `histogram_quantile(0.99, sum(rate(rest_client_request_duration_seconds_bucket{${instance}, verb="GET"}[5m])) by (verb, url, le))`,
  `process_resident_memory_bytes{${instance}}`,
  `rate(process_cpu_seconds_total{${instance}}[5m])`,
  // What fills its choice of instances.
  `kubeproxy_network_programming_duration_seconds_bucket{${job}}`,
]

/** What people alert on, by what kube-proxy serves. */
const alerts = [
  `time() - kubeproxy_sync_proxy_rules_last_timestamp_seconds{${job}}`,
  `kubeproxy_sync_proxy_rules_last_timestamp_seconds{${job}} - kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{${job}} + 1`,
  `rate(kubeproxy_sync_proxy_rules_nftables_sync_failures_total{${job}}[5m])`,
  `kubeproxy_sync_proxy_rules_no_local_endpoints_total{${job}, traffic_policy=~"internal|external"}`,
  `histogram_quantile(0.99, sum by (le) (rate(kubeproxy_sync_partial_proxy_rules_duration_seconds_bucket{${job}}[5m])))`,
  `kubeproxy_sync_proxy_rules_endpoint_changes_pending{${job}} + kubeproxy_sync_proxy_rules_service_changes_pending{${job}}`,
  `sum(rate(kubeproxy_sync_proxy_rules_endpoint_changes_total{${job}}[5m]) + rate(kubeproxy_sync_proxy_rules_service_changes_total{${job}}[5m]))`,
]

promtoolTest("kube-proxy's dashboards and alerts have something to show", async (t) => {
  // A comparison leaves out what is no number, such as a quantile of nothing.
  const expected = [...dashboard, ...alerts].map((expression) => ({
    expression: `count((${expression}) > -1e10) > bool 0`,
    samples: [{ labels: '{}', value: 1 }],
  }))
  t.deepEqual(await evaluateRules(promtool, stored(t.context.pages), expected), [])
})

promtoolTest(
  'an expression over what is not served comes to nothing, so that the test above can fail',
  async (t) => {
    const expected = [
      { expression: `count(go_goroutines{${job}}) > bool 0`, samples: [{ labels: '{}', value: 1 }] },
    ]
    t.not((await evaluateRules(promtool, stored(t.context.pages), expected)).length, 0)
  },
)

promtoolTest("the first sync's failure counts, and it is tried again", async (t) => {
  const expected = [
    {
      expression: `sum(kubeproxy_sync_proxy_rules_nftables_sync_failures_total{${job}})`,
      samples: [{ labels: '{}', value: 1 }],
    },
    {
      expression: `sum by (reason, result) (portolan_applies_total{${job}, ip_family="IPv4", reason=~"start|retry"})`,
      samples: [
        { labels: '{reason="start", result="failure"}', value: 1 },
        { labels: '{reason="start", result="success"}', value: 1 },
        { labels: '{reason="retry", result="failure"}', value: 0 },
        { labels: '{reason="retry", result="success"}', value: 0 },
      ],
    },
  ]
  t.deepEqual(await evaluateRules(promtool, stored(t.context.pages), expected), [])
})
