import test from 'ava'
import { seriesOf } from '../../metrics/test/scrape.ts'
import { eventually, FileNode } from './file-node.ts'

// The metrics server of the real program on the real kernel.

function cluster(...endpoints: readonly string[]): string {
  return `
apiVersion: v1
kind: Node
metadata: { name: node-a }
status: { addresses: [{ type: InternalIP, address: 192.168.50.11 }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { clusterIP: 10.96.0.10, ports: [{ port: 80, protocol: TCP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: '', port: 8080, protocol: TCP }]
endpoints:
${endpoints.map((address) => `  - { addresses: [${address}], conditions: { ready: true } }`).join('\n')}
`
}

const origin = 'http://127.0.0.1:10249'

test('the running program tells its figures, its table, and what others did to its rules', async (t) => {
  const node = await FileNode.create(t)
  await node.write(cluster('10.244.1.5'))
  const child = node.portolan()
  const page = async (path: string) => (await node.ask(`${origin}${path}`))[0]?.body ?? ''
  const figure = async (series: string) => seriesOf(await page('/metrics')).get(series)
  const become = (series: string, least: number) =>
    eventually(t, `${series} is ${least}; ${node.output}`, async () => ((await figure(series)) ?? 0) >= least)

  await become('portolan_routes{ip_family="IPv4"}', 1)
  t.is(await figure('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"}'), 1)
  t.is(await page('/proxyMode'), 'nftables')
  t.like(JSON.parse(await page('/explain?from=outside&to=10.96.0.10:80')), { endpoints: ['10.244.1.5:8080'] })

  await node.write(cluster('10.244.1.5', '10.244.1.6'))
  await become('kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv4"}', 1)
  const { routes } = JSON.parse(await page('/table?endpoint=10.244.1.6'))
  t.is(routes[0]?.key, 'shop/web:/TCP')

  t.deepEqual(JSON.parse(await page('/drift')), { drift: [] })
  await node.exec('nft', 'delete', 'table', 'ip', 'portolan')
  await become('portolan_drift_repaired_total{ip_family="IPv4"}', 1)
  const { drift } = JSON.parse(await page('/drift'))
  t.like(drift[0], { family: 'IPv4', disagreement: false })
  t.is(typeof drift[0].repaired, 'string')

  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  t.is(await ended, 0, node.output)
})
