import test from 'ava'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import {
  address,
  exampleEndpoint,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'
import { AppliedTable } from '../../table/diff.ts'
import { NoLocalEndpoints } from '../no-local-endpoints.ts'

/** Applies what the records amount to, as the engine does, and counts. */
function bench() {
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'here', podSource: { by: 'none' } })
  const applied = new AppliedTable(builder.table)
  const counted = new NoLocalEndpoints()
  const apply = (): number[] => {
    const change = applied.difference(builder.table, builder.drain())
    applied.advance(change)
    counted.take(change.routes)
    return [counted.internal, counted.external]
  }
  return { builder, apply }
}

const here = exampleEndpoint('10.1.0.1', { nodeName: 'here' })
const there = exampleEndpoint('10.2.0.1', { nodeName: 'there' })

const rows = [
  ['a policy for internal traffic with an endpoint here', 'Local', 'Cluster', [here, there], [0, 0]],
  ['a policy for external traffic with an endpoint here', 'Cluster', 'Local', [here, there], [0, 0]],
  ['both with an endpoint here', 'Local', 'Local', [here, there], [0, 0]],
  ['a policy for internal traffic with endpoints elsewhere', 'Local', 'Cluster', [there], [1, 0]],
  ['a policy for external traffic with endpoints elsewhere', 'Cluster', 'Local', [there], [0, 1]],
  ['both with endpoints elsewhere', 'Local', 'Local', [there], [1, 1]],
  ['both without any endpoint', 'Local', 'Local', [], [0, 0]],
] as const

for (const [claim, internal, external, endpoints, counts] of rows) {
  test(`${claim}: ${counts.join(' and ')}`, (t) => {
    const { builder, apply } = bench()
    builder.setService(
      exampleService({
        externalIPs: [address('198.51.100.1')],
        internalTrafficPolicy: internal,
        externalTrafficPolicy: external,
      }),
    )
    if (endpoints.length > 0) builder.setSlice(exampleSlice(endpoints))
    t.deepEqual(apply(), [...counts])
  })
}

test('it follows endpoints that come and go, and Services that go', (t) => {
  const { builder, apply } = bench()
  builder.setService(exampleService({ internalTrafficPolicy: 'Local' }))
  builder.setSlice(exampleSlice([there]))
  t.deepEqual(apply(), [1, 0])
  builder.setSlice(exampleSlice([there, here]))
  t.deepEqual(apply(), [0, 0])
  builder.setSlice(exampleSlice([there]))
  t.deepEqual(apply(), [1, 0])
  builder.removeService('default/web')
  t.deepEqual(apply(), [0, 0])
})
