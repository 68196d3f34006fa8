import { ApiServer } from '@portolan/api-server'
import test from 'ava'
import { writeChange } from '../../cluster/cluster-change.ts'
import { GeneratedCluster } from '../../cluster/generated-cluster.ts'
import { nodeObject, probeObjects } from '../../cluster/probe-services.ts'
import { BareTable } from '../../lower-bound/bare-table.ts'
import { changeScenarios } from '../change-scenarios.ts'
import { endpointChurned } from '../endpoint-replaced.ts'

const shapes = [
  { services: 3, endpointsPerService: 2 },
  { services: 40, endpointsPerService: 10 },
  { services: 5, endpointsPerService: 250 },
]

function tableOf(cluster: GeneratedCluster): BareTable {
  const table = new BareTable()
  table.change({ write: [...cluster.objects(), ...probeObjects(), nodeObject()] })
  return table
}

for (const scenario of changeScenarios) {
  for (const shape of shapes) {
    for (const length of [2, 10, 60]) {
      const title = `${scenario.name}: each of ${length} turns changes the table of ${shape.services} x ${shape.endpointsPerService}, and all together nothing`
      test(title, (t) => {
        const cluster = new GeneratedCluster(shape)
        const table = tableOf(cluster)
        const server = new ApiServer()
        server.load([...cluster.objects(), ...(scenario.objects?.() ?? [])])
        table.change({ write: scenario.objects?.() ?? [] })
        const before = new Map(table.table.routes)
        for (let turn = 0; turn < length; turn++) {
          const change = scenario.change(cluster, turn, length)
          t.true(writeChange(server, change).events > 0)
          t.true(table.change(change).routes.length > 0, `turn ${turn}`)
        }
        t.deepEqual(normal(table.table.routes), normal(before))
      })
    }
  }
}

test('of changes in a row no two cancel each other out, however many of them are applied together', (t) => {
  const cluster = new GeneratedCluster({ services: 3, endpointsPerService: 2 })
  const versions = new Map<string, Set<string>>()
  for (let turn = 0; turn < 3 * 50; turn++) {
    const [slice] = endpointChurned(cluster, turn).write ?? []
    const key = slice?.metadata.name ?? ''
    const seen = versions.get(key) ?? new Set()
    const text = JSON.stringify(slice)
    t.false(seen.has(text), `turn ${turn}`)
    versions.set(key, seen.add(text))
  }
})

for (const services of [1, 2, 100, 7919, 2 * 7919]) {
  test(`of ${services} Services each is changed once before any is changed again`, (t) => {
    const cluster = new GeneratedCluster({ services, endpointsPerService: 1 })
    const seen = new Set(Array.from({ length: services }, (_, turn) => cluster.scattered(turn).name))
    t.is(seen.size, services)
  })
}

/** Without the order of endpoints, which depends on the way. */
function normal(routes: ReadonlyMap<string, { endpoints: { cluster: readonly { address: string }[] } }>) {
  return new Map(
    [...routes].map(([key, route]) => [
      key,
      { ...route, endpoints: route.endpoints.cluster.map(({ address }) => address).sort() },
    ]),
  )
}
