import { existsSync } from 'node:fs'
import { type Address, emptyTable, fullDifference, type RoutingTable } from '@portolan/core'
import { createLab, network, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { nodeDirectory, unpinDeadNodes } from '../kernel/pins.ts'
import { applied } from './applied-table.ts'
import { clusterIP, endpoint, refused, route, table } from './example-tables.ts'
import labDataplane from './lab-dataplane.ts'

test.after.always(unpinDeadNodes)

const vip = '10.96.0.1'
const port = 8080
const remote = remotePodAddress('IPv4', 0)

const nodeAddresses = new Set(Object.values(network.IPv4.node) as Address[])

test("another node's sockets on the same machine are left alone", async (t) => {
  await using lab = await createLab()
  await using other = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const served = table([route('a/b', [clusterIP(vip, refused)], [])], { localAddresses: nodeAddresses })
  const { dataplane } = await applied(lab.node, served)
  const to = { address: vip, port: 80 }
  await other.internet.serve('TCP', vip, 80)
  t.is((await lab.node.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })).result, 'refused')
  const elsewhere = await other.node.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })
  t.is(elsewhere.result === 'answered' && elsewhere.host, 'internet')
  await dataplane.cleanup()
})

test('routes that do not fit into a map are told with the setting to raise; all others are served', async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const routes = Array.from({ length: 20 }, (_, index) =>
    route(`a/${index}`, [clusterIP(`10.96.0.${index + 1}`)], [endpoint(remote)]),
  )
  const served = table(routes, { localAddresses: nodeAddresses })
  const { dataplane, report } = await applied(lab.node, served, { 'services-size': '16' })
  t.is(report.degraded.length, 20 - 15)
  t.regex(report.degraded[0]!.reason, /'services' is full.*services-size/)
  const first = await lab.node.probe({ protocol: 'TCP', to: { address: vip, port: 80 }, timeoutMs: 30_000 })
  t.is(first.result, 'answered')
  await dataplane.cleanup()
})

test('maps of another size replace the old ones, and cleanup leaves nothing', async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const served = table([route('a/b', [clusterIP(vip)], [endpoint(remote)])], {
    localAddresses: nodeAddresses,
  })
  const before = await applied(lab.node, served)
  await before.dataplane.stop()
  const { dataplane } = await applied(lab.node, served, { 'flows-size': '1024' })
  const answer = await lab.pods[0]!.probe({
    protocol: 'TCP',
    to: { address: vip, port: 80 },
    timeoutMs: 30_000,
  })
  t.is(answer.result, 'answered')
  const change = fullDifference(served, {
    ...emptyTable('IPv4', served.podSource),
    localAddresses: nodeAddresses,
  })
  await dataplane.apply(dataplane.compile(change))
  t.true((await dataplane.cleanup()).removed.length > 0)
  t.false(existsSync(nodeDirectory(lab.node.networkNamespace)))
})

for (const family of ['IPv4', 'IPv6'] as const) {
  test(`an ICMP error about a translated packet comes back to its client, ${family}`, async (t) => {
    await using lab = await createLab()
    const { node } = lab
    const silent = endpoint(remotePodAddress(family, 0))
    const masqueraded = { do: 'balance', over: 'cluster', masquerade: true } as const
    const verdicts = { pod: masqueraded, node: masqueraded, outside: masqueraded }
    const address = (family === 'IPv4' ? vip : 'fd00:10:96::1') as Address
    const udp = route('a/b', [clusterIP(address, verdicts)], [silent], { protocol: 'UDP' })
    const served: RoutingTable = {
      ...table([udp]),
      family,
      podSource: { by: 'none' },
      localAddresses: new Set(node.addresses[family] as Address[]),
    }
    const dataplane = labDataplane.create({
      masqueradeBit: 14,
      networkNamespace: node.networkNamespace,
      settings: {},
    })
    await dataplane.apply(dataplane.reconcile(await dataplane.observe(family), served))
    for (const client of [lab.outside, lab.pods[0]!]) {
      const answer = await client.probe({ protocol: 'UDP', to: { address, port: 80 }, timeoutMs: 30_000 })
      t.is(answer.result, 'refused', client.name)
    }
    await dataplane.cleanup()
  })
}
