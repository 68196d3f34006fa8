import test from 'ava'
import { Registry } from 'prom-client'
import { ClusterState } from '../../proxy/cluster-state.ts'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import { exampleEndpoint, exampleService, exampleSlice } from '../../table/builder/test/example-records.ts'
import { addClusterMetrics, type MeasuredCluster } from '../cluster-metrics.ts'
import { scrape } from './scrape.ts'

const prefix = 'kubeproxy_sync_proxy_rules'
const quiet: MeasuredCluster = {
  problemCounts: new Map(),
  eventCounts: { Service: 0, EndpointSlice: 0, Node: 0, ServiceCIDR: 0 },
  pendingEvents: [],
}

function scraped(measured: MeasuredCluster | undefined) {
  const registry = new Registry()
  addClusterMetrics(registry, () => measured)
  return scrape(registry)
}

test('before the proxy has started there are no changes', async (t) => {
  const all = await scraped(undefined)
  t.is(all.get(`${prefix}_service_changes_total`), 0)
  t.is(all.get(`${prefix}_endpoint_changes_pending`), 0)
})

test('an event counts once though both families take it in, until both have', async (t) => {
  const builders = (['IPv4', 'IPv6'] as const).map(
    (family) => new TableBuilder({ family, nodeName: 'here', podSource: { by: 'none' } }),
  )
  const state = new ClusterState({ builders })
  const now = () =>
    scraped({
      ...quiet,
      eventCounts: state.eventCounts,
      pendingEvents: builders.map(({ pendingEvents }) => pendingEvents),
    })
  const figures = async () => {
    const all = await now()
    return ['service', 'endpoint'].flatMap((kind) => [
      all.get(`${prefix}_${kind}_changes_total`),
      all.get(`${prefix}_${kind}_changes_pending`),
    ])
  }
  state.set(exampleService(), 0)
  state.set(exampleSlice([exampleEndpoint('10.1.0.1')]), 0)
  t.deepEqual(await figures(), [1, 1, 1, 1])
  builders[1]?.drain()
  t.deepEqual(await figures(), [1, 1, 1, 1])
  builders[0]?.drain()
  t.deepEqual(await figures(), [1, 0, 1, 0])
  state.set(exampleSlice([exampleEndpoint('10.1.0.1')]), 0)
  t.deepEqual(await figures(), [1, 0, 2, 0], 'a slice that says what it said before has nothing pending')
  state.remove('Service', 'default/web', 0)
  state.remove('EndpointSlice', 'default/web-1', 0)
  t.deepEqual(await figures(), [2, 1, 3, 1])
})

test('problems are shown by kind and field, and what is too much of them as other', async (t) => {
  const many = Array.from({ length: 205 }, (_, index) => [`Service spec.made.up[${index}]`, 1] as const)
  const all = await scraped({
    ...quiet,
    problemCounts: new Map([['Service spec.ports[].nodePort', 3], ['other', 1], ...many]),
  })
  const problems = (kind: string, field: string) =>
    all.get(`portolan_object_problems_total{kind="${kind}",field="${field}"}`)
  t.is(problems('Service', 'spec.ports[].nodePort'), 3)
  t.is(problems('other', ''), 1 + 7)
})
