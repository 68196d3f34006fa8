import { type Address, type Cidr, emptyTable, fullDifference } from '@portolan/core'
import test from 'ava'
import { compile } from '../compile/compile.ts'
import { print } from '../compile/print.ts'
import { reconcile } from '../compile/reconcile.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { verdictBit } from '../layout/structures.ts'
import { verdictByte } from '../layout/verdict-byte.ts'
import { clusterIP, endpoint, internal, refused, route, table } from './example-tables.ts'

const web = route(
  'shop/web:http',
  [
    clusterIP('10.96.0.10'),
    {
      kind: 'LoadBalancer',
      address: '192.0.2.1' as Address,
      port: 80,
      allowedSources: ['198.51.100.0/24' as Cidr],
      verdicts: { ...internal, outside: { do: 'balance', over: 'local', masquerade: false } },
    },
    { kind: 'NodePort', port: 30080, verdicts: { ...internal, outside: { do: 'drop' } } },
  ],
  [endpoint('10.1.0.2', true), endpoint('10.1.1.2')],
  {
    endpoints: {
      cluster: [endpoint('10.1.0.2', true), endpoint('10.1.1.2')],
      local: [endpoint('10.1.0.2', true)],
    },
  },
)
const small = table([web], { clusterIPs: new Set(['10.96.0.10' as Address]) })
const empty = emptyTable('IPv4', small.podSource)

test('a program reads as what becomes of which service', (t) => {
  t.is(
    print(compile(fullDifference(empty, small), () => [])),
    `map frontends: set clusterIP 10.96.0.10
set service shop/web:http TCP
  cluster endpoints: 10.1.0.2:8080 10.1.1.2:8080
  local endpoints: 10.1.0.2:8080
  allowed sources: 198.51.100.0/24
  frontend 10.96.0.10:80: pod cluster; node cluster masqueraded; outside cluster masqueraded
  frontend 192.0.2.1:80: pod cluster; node cluster masqueraded; outside local, allowed sources only
  frontend node port 30080: pod cluster; node cluster masqueraded; outside drop
`,
  )
})

test('a Service that goes is deleted, and nothing else is printed', (t) => {
  const gone = { ...small, routes: new Map(), frontends: new Map() }
  t.is(print(compile(fullDifference(small, gone), () => [])), 'delete service shop/web:http TCP\n')
})

test('from nothing held, reconciling sets every route', (t) => {
  const program = reconcile(nothingObserved('IPv4'), small)
  t.deepEqual(
    program.routes.map(({ key }) => key),
    [web.key],
  )
})

test('SCTP is left out and told about, whether compiled or reconciled', (t) => {
  const sctp = table([route('a/b', [clusterIP('10.96.0.11')], [], { protocol: 'SCTP' })])
  for (const program of [
    compile(fullDifference(empty, sctp), () => []),
    reconcile(nothingObserved('IPv4'), sctp),
  ]) {
    t.deepEqual(program.routes, [])
    t.regex(program.degraded[0]!.reason, /no SCTP/)
    t.is(program.degraded[0]!.route, 'a/b/SCTP')
  }
})

const remote = [endpoint('10.1.1.2')]
for (const [claim, one, from, early] of [
  ['a pod, to endpoints elsewhere', route('a', [clusterIP('10.96.0.1')], remote), 'pod', true],
  [
    'a pod that may be the endpoint itself',
    route('a', [clusterIP('10.96.0.1')], [endpoint('10.1.0.2', true)]),
    'pod',
    false,
  ],
  [
    'a pod, with affinity by its address',
    route('a', [clusterIP('10.96.0.1')], remote, { affinitySeconds: 9 }),
    'pod',
    false,
  ],
  [
    'a pod that is masqueraded',
    route('a', [clusterIP('10.96.0.1', { ...internal, pod: internal.node })], remote),
    'pod',
    false,
  ],
  ['a pod that is refused', route('a', [clusterIP('10.96.0.1', refused)], []), 'pod', true],
  ['the node', route('a', [clusterIP('10.96.0.1')], [endpoint('10.1.0.2', true)]), 'node', true],
  ['the node, where sources are restricted, for an address of its own', web, 'node', true],
  ['a pod, where sources are restricted', web, 'pod', false],
] as const) {
  test(`at the socket ${early ? 'is' : 'is not'} decided: ${claim}`, (t) => {
    const frontend =
      one.frontends.find(({ allowedSources }) => allowedSources !== undefined) ?? one.frontends[0]!
    const bits = verdictByte(one, frontend, from, small.podSource)
    t.is((bits & verdictBit.atSocket) !== 0, early)
  })
}
