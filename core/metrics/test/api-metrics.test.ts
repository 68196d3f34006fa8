import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { Registry } from 'prom-client'
import { scene, service } from '../../source/kubernetes/test/small-cluster.ts'
import { ApiMetrics } from '../api-metrics.ts'
import { scrape } from './scrape.ts'

/** Scrapes until the series have at least these values. Throws after two minutes, with what they have. */
async function scrapeUntil(registry: Registry, least: Readonly<Record<string, number>>): Promise<void> {
  const deadline = performance.now() + 120_000
  for (;;) {
    const scraped = await scrape(registry)
    if (Object.entries(least).every(([series, value]) => (scraped.get(series) ?? 0) >= value)) return
    if (performance.now() > deadline) throw new Error(JSON.stringify([...scraped]))
    await setTimeout(10)
  }
}

test('requests, their times, connections and failures are counted', async (t) => {
  const registry = new Registry()
  await using scenery = await scene({}, { observer: new ApiMetrics(registry) })
  const { observed, server } = scenery
  const { host } = new URL(server.url)
  await scrapeUntil(registry, {
    [`rest_client_requests_total{code="200",method="GET",host="${host}"}`]: 8,
    [`rest_client_request_duration_seconds_count{verb="GET",host="${host}"}`]: 8,
    portolan_api_connections_total: 1,
  })
  await observed.until((o) => o.allSynced)
  server.resetConnections()
  server.apply(service('api', '10.96.0.3'))
  await observed.until((o) => o.records.has('Service shop/api'))
  await scrapeUntil(registry, {
    portolan_api_connections_total: 2,
    'portolan_api_failures_total{resource="services",code="API_UNREACHABLE"}': 1,
  })
  const resources = observed.source.progress?.map(({ resource }) => resource).toSorted()
  t.deepEqual(resources, [
    'endpointslices.discovery.k8s.io',
    'nodes',
    'servicecidrs.networking.k8s.io',
    'services',
  ])
})

test('a request without an answer has the code that client-go gives it', async (t) => {
  const registry = new Registry()
  const metrics = new ApiMetrics(registry)
  metrics.onRequest({ method: 'GET', host: '10.0.0.1:6443' })
  t.is(
    (await scrape(registry)).get(
      'rest_client_requests_total{code="<error>",method="GET",host="10.0.0.1:6443"}',
    ),
    1,
  )
})
