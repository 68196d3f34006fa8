import { endpoint, frontend, internal, route, table } from '@portolan/conformance/example-tables'
import { fullDifference } from '@portolan/core'
import test from 'ava'
import { firstAffinityRoute, lastAffinityRoute } from '../layout/numbers.ts'
import { defineNftables } from '../nftables-dataplane.ts'
import { KernelModel } from './kernel-model.ts'
import { ModelTransport } from './model-transport.ts'

/** All routes that can have affinity. */
const most = lastAffinityRoute - firstAffinityRoute + 1

const sticky = (index: number) =>
  route(
    `shop/${index}`,
    [endpoint('10.1.1.2')],
    [frontend('ClusterIP', `10.${100 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`, 80, internal)],
    { affinitySeconds: 600 },
  )

test('a route beyond the limit of affinity gets it as soon as another one gives its number back', async (t) => {
  const kernel = new KernelModel()
  const dataplane = defineNftables(async () => new ModelTransport(kernel, 'netlink')).create({
    masqueradeBit: 14,
    settings: {},
  })
  const routes = Array.from({ length: most + 2 }, (_, index) => sticky(index))
  const [all, fewer] = [table(routes), table(routes.slice(1))]
  const before = await dataplane.apply(dataplane.reconcile(undefined, all))
  t.deepEqual(
    before.degraded.map(({ route: key }) => key),
    [`shop/${most}/TCP`, `shop/${most + 1}/TCP`],
  )
  const after = await dataplane.apply(dataplane.compile(fullDifference(all, fewer)))
  t.true(after.degraded.every(({ route: key }) => key === `shop/${most + 1}/TCP`))
  // The one that still waits is told of, and nothing is left to do.
  const again = dataplane.reconcile(await dataplane.observe('IPv4'), fewer)
  t.like(again, { operations: 0, findings: [] })
  t.is(again.degraded.length, 1)
})
