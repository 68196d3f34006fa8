import test from 'ava'
import { Counter, Registry } from 'prom-client'
import type { Address } from '../../network/address.ts'
import { byPath } from '../http-answer.ts'
import { startHttpServer } from '../http-server.ts'
import { metricsPages } from '../metrics-pages.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const configuration = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' }

async function served() {
  const registry = new Registry()
  new Counter({ name: 'events_total', help: 'Events.', registers: [registry] }).inc()
  const server = await startHttpServer({
    name: 'metrics',
    addresses: [{ address: '127.0.0.1' as Address, port: 0 }],
    handler: byPath(metricsPages({ registry, proxyMode: 'nftables', configuration })),
    hardFail: true,
    logger: silent,
  })
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${server.addresses[0]?.port}${path}`, { headers })
  return { get, [Symbol.asyncDispose]: () => server.close() }
}

test('/proxyMode is the mode alone, as plain text', async (t) => {
  await using server = await served()
  const answer = await server.get('/proxyMode')
  t.is(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.is(await answer.text(), 'nftables')
})

test('/configz is the configuration below its API group', async (t) => {
  await using server = await served()
  const answer = await server.get('/configz')
  t.is(answer.headers.get('content-type'), 'application/json')
  t.deepEqual(await answer.json(), { 'kubeproxy.config.k8s.io': configuration })
})

test('/metrics is compressed for who takes that, and in OpenMetrics for who asks for it', async (t) => {
  await using server = await served()
  const compressed = await server.get('/metrics', { 'accept-encoding': 'gzip' })
  t.is(compressed.headers.get('content-encoding'), 'gzip')
  t.regex(await compressed.text(), /^events_total 1$/m)
  const plain = await server.get('/metrics', { 'accept-encoding': 'identity' })
  t.is(plain.headers.get('content-encoding'), null)
  const open = await server.get('/metrics', { accept: 'application/openmetrics-text;version=1.0.0' })
  t.regex(await open.text(), /^events_total 1\n# EOF\n$/m)
})

test('/healthz says ok, and /metrics/slis counts how often it was asked', async (t) => {
  await using server = await served()
  for (const path of ['/healthz', '/healthz/ping']) t.is(await (await server.get(path)).text(), 'ok')
  const slis = await (await server.get('/metrics/slis')).text()
  t.regex(slis, /^kubernetes_healthcheck\{name="ping",type="healthz"\} 1$/m)
  t.regex(slis, /^kubernetes_healthchecks_total\{name="ping",type="healthz",status="success"\} 2$/m)
})
