import test from 'ava'
import { ProblemLog } from '../../cluster/problem-log.ts'
import { type ObjectProblem, recordKinds } from '../../cluster/records.ts'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import {
  address,
  cidr,
  exampleEndpoint,
  exampleService,
  exampleSlice,
} from '../../table/builder/test/example-records.ts'
import { ClusterState } from '../cluster-state.ts'

function setUp() {
  const builders = (['IPv4', 'IPv6'] as const).map(
    (family) => new TableBuilder({ family, nodeName: 'here', podSource: { by: 'none' } }),
  )
  const changed: string[] = []
  const problems: ObjectProblem[] = []
  const log = new ProblemLog((problem) => problems.push(problem))
  let syncs = 0
  const state = new ClusterState({
    builders,
    onChange: (builder, receivedAt) => changed.push(`${builder.family} ${receivedAt}`),
    problems: log,
    onSynced: () => {
      syncs++
    },
  })
  const drain = () => {
    for (const builder of builders) builder.drain()
    return changed.splice(0)
  }
  return { state, builders, problems, log, drain, syncs: () => syncs }
}

test('it is synced once all kinds have been listed, and says so once', (t) => {
  const { state, syncs } = setUp()
  for (const kind of recordKinds) {
    t.false(state.isSynced)
    state.synced(kind)
  }
  for (const kind of recordKinds) state.synced(kind)
  t.true(state.isSynced)
  t.is(syncs(), 1)
})

test('each record concerns the families that it is of', (t) => {
  const { state, drain } = setUp()
  state.set(exampleService({ clusterIPs: [address('10.96.0.1')] }), 1)
  t.deepEqual(drain(), ['IPv4 1'])
  state.set(exampleService({ clusterIPs: [address('10.96.0.1'), address('fd00::1')] }), 2)
  t.deepEqual(drain(), ['IPv4 2', 'IPv6 2'])
  state.set(exampleSlice([exampleEndpoint('fd00:1::1')]), 3)
  t.deepEqual(drain(), ['IPv6 3'])
  state.set(exampleSlice([exampleEndpoint('fd00:1::1')]), 4)
  t.deepEqual(drain(), [], 'the same again')
  state.set(exampleSlice([exampleEndpoint('10.1.0.1')]), 5)
  t.deepEqual(drain(), ['IPv4 5', 'IPv6 5'], 'a slice that is made again in the other family')
  state.set({ kind: 'ServiceCIDR', key: 'k', cidrs: [cidr('10.96.0.0/12')] }, 6)
  drain()
  state.remove('Service', 'default/none', 7)
  state.remove('EndpointSlice', 'default/none', 7)
  state.remove('ServiceCIDR', 'none', 7)
  t.deepEqual(drain(), [], 'what was never there')
})

test('a Service that loses an address family leaves that family', (t) => {
  const { state, builders, drain } = setUp()
  state.set(exampleService({ clusterIPs: [address('10.96.0.1'), address('fd00::1')] }), 1)
  drain()
  state.set(exampleService({ clusterIPs: [address('10.96.0.1')] }), 2)
  drain()
  t.deepEqual(
    builders.map(({ table }) => table.routes.size),
    [1, 0],
  )
})

test('a problem that is told again is passed on and counted once; one of the source itself each time', (t) => {
  const { state, problems, log } = setUp()
  const problem: ObjectProblem = {
    kind: 'Service',
    object: 'default/web',
    field: 'spec.ports[3].port',
    value: '70000',
    fix: 'must be 1 to 65535',
    skipped: 'value',
  }
  for (let time = 0; time < 3; time++) state.problem(problem)
  state.problem({ ...problem, value: '70001' })
  state.problem({ ...problem, kind: 'file' })
  state.problem({ ...problem, kind: 'file' })
  t.is(problems.length, 4)
  t.deepEqual(
    [...log.counts],
    [
      ['Service spec.ports[].port', 2],
      ['other', 2],
    ],
  )
})
