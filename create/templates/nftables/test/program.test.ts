/** Programs as text that people read. `UPDATE_GOLDEN=1 npx ava test/program.test.ts` writes them anew: read the diff. */
import {
  endpoint,
  everything,
  external,
  frontend,
  internal,
  rejected,
  route,
  table,
  web,
} from '@portolan/conformance/example-tables'
import { asGolden } from '@portolan/conformance/golden'
import { fullDifference, type RoutingTable, type ServiceRoute } from '@portolan/core'
import test from 'ava'
import factory from '../src/index.ts'

const golden = new URL('./golden/', import.meta.url)
const dataplane = factory.create({ masqueradeBit: 14, settings: {} })

const shop = (endpoints = web, frontends = [frontend('ClusterIP', '10.96.0.10', 80, internal)]) =>
  route('shop/web:http', endpoints, frontends)
const tableOf = (...routes: readonly ServiceRoute[]) => table(routes, { clusterIPs: ['10.96.0.10'] })

/** The program from one table to the other. */
const changed = (before: RoutingTable, after: RoutingTable) =>
  dataplane.print(dataplane.compile(fullDifference(before, after)))

const programs: Readonly<Record<string, () => string>> = {
  'everything, from nothing': () => dataplane.print(dataplane.reconcile(undefined, everything())),
  'a Service comes': () => changed(tableOf(), tableOf(shop())),
  'a Service goes': () => changed(tableOf(shop()), tableOf()),
  'an endpoint comes': () => changed(tableOf(shop()), tableOf(shop([...web, endpoint('10.1.1.4')]))),
  'the last endpoint goes': () =>
    changed(tableOf(shop()), tableOf(shop([], [frontend('ClusterIP', '10.96.0.10', 80, rejected)]))),
  'a NodePort comes': () => {
    const nodePort = frontend('NodePort', undefined, 30080, external)
    return changed(
      tableOf(shop()),
      tableOf(shop(web, [frontend('ClusterIP', '10.96.0.10', 80, internal), nodePort])),
    )
  },
}

for (const [title, program] of Object.entries(programs))
  test(`program: ${title}`, async (t) => {
    t.is(...(await asGolden(golden, `${title.replaceAll(/\W+/g, '-')}.txt`, program())))
  })

test('compiling the same change twice gives the same program', (t) => {
  t.is(changed(tableOf(), everything()), changed(tableOf(), everything()))
})

test('nothing is done where nothing changed', (t) => {
  t.is(changed(everything(), everything()), '')
})
