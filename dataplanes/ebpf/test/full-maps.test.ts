import { type Address, type Cidr, fullDifference, type RoutingTable, type ServiceRoute } from '@portolan/core'
import { createLab, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, internal, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

const port = 8080
const remote = remotePodAddress('IPv4', 0)
const vip = (number: number) => `10.96.0.${number + 1}` as Address
const plain = (number: number, more: Partial<ServiceRoute> = {}) =>
  route(`a/${number}`, [clusterIP(vip(number))], [endpoint(remote)], more)

/** Its clients outside are restricted to eight ranges. */
const restricted = (number: number) => {
  const allowedSources = Array.from({ length: 8 }, (_, range) => `198.51.${number}.${range * 8}/29` as Cidr)
  const loadBalancer = { kind: 'LoadBalancer', address: `192.0.2.${number}` as Address, port: 80 } as const
  return route(
    `a/${number}`,
    [clusterIP(vip(number)), { ...loadBalancer, allowedSources, verdicts: internal }],
    [endpoint(remote)],
  )
}

/** Each map with 16 elements, and routes that need more of it and of nothing else. */
for (const [map, routeOf] of [
  ['services', plain],
  ['endpoints', plain],
  ['frontends', plain],
  ['ranges', restricted],
  ['members', (number: number) => plain(number, { affinitySeconds: 600 })],
] as const) {
  test(`what the map ${map} has no room for is told by its route, served when room comes, and leaves all others alone`, async (t) => {
    await using lab = await createLab()
    const { node } = lab
    await lab.remote.serve('TCP', '0.0.0.0', port)
    const routes = Array.from({ length: 20 }, (_, number) => routeOf(number))
    const table = (some: readonly ServiceRoute[]): RoutingTable => nodeTable(node, 'IPv4', some)
    const { dataplane, report, change } = await applied(node, table(routes), { [`${map}-size`]: '16' })
    const reason = new RegExp(`'${map}' is full \\(16 elements\\).*--dataplane-option ${map}-size=32`)
    t.true(report.degraded.length > 0 && report.degraded.length < 20)
    for (const one of report.degraded) t.regex(one.reason, reason)
    const told = new Set(report.degraded.map((one) => one.route))
    const others = routes.filter(({ key }) => !told.has(key))
    const answers = async ({ frontends }: ServiceRoute) => {
      const to = { address: frontends[0]!.address!, port: 80 }
      return (await node.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })).result === 'answered'
    }
    for (const one of others) t.true(await answers(one), one.key)
    // Nothing is to be done about it again and again.
    t.true(await dataplane.isUnchanged('IPv4'))
    t.is(dataplane.reconcile(await dataplane.observe('IPv4'), table(routes)).operations, 0)

    const fewer = routes.filter(({ key }) => told.has(key)).slice(0, 1)
    await dataplane.apply(dataplane.compile(fullDifference(table(routes), table(fewer))))
    t.false(await dataplane.isUnchanged('IPv4'))
    // Slots that were freed rest for a second.
    if (map === 'endpoints') await new Promise((resolve) => setTimeout(resolve, 1100))
    t.deepEqual((await change(table(fewer))).degraded, [])
    t.true(await answers(fewer[0]!))
    await dataplane.cleanup()
  })
}

test('a map of the node that is full is told by its own name', async (t) => {
  await using lab = await createLab()
  const batch = Array.from({ length: 12 }, (_, number) => `link add many${number} type veth`)
  await lab.node.exec('ip', ['-batch', '-'], { input: batch.join('\n') })
  const served = {
    ...nodeTable(lab.node, 'IPv4', [plain(0)]),
    podSource: { by: 'interfacePrefix', prefix: 'many' },
  } as const
  const { dataplane, report } = await applied(lab.node, served, { 'devices-size': '16' })
  t.is(report.degraded.length, 1)
  t.regex(report.degraded[0]!.reason, /'devices' is full.*devices-size=32/)
  await dataplane.cleanup()
})
