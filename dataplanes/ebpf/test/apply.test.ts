import {
  type Address,
  type Cidr,
  emptyTable,
  type Frontend,
  fullDifference,
  type RoutingTable,
  type ServiceRoute,
} from '@portolan/core'
import { BpfObject, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { compile } from '../compile/compile.ts'
import type { EbpfProgram } from '../compile/program.ts'
import { reconcile } from '../compile/reconcile.ts'
import { applyElements } from '../kernel/apply.ts'
import { observe } from '../kernel/observe.ts'
import { TableMaps } from '../kernel/table-maps.ts'
import { allMaps, type MapName } from '../layout/maps.ts'
import { bytesOf, nothingObserved } from '../layout/observed-state.ts'
import { structs } from '../layout/structures.ts'
import { clusterIP, endpoint, internal, nodePort, route, table as tableOf } from './example-tables.ts'

/** Maps of the kernel that no program reads: nothing is pinned or attached, and they go with their descriptors. */
function loadMaps(sizes: Partial<Record<MapName, number>> = {}): TableMaps & Disposable {
  const small = Object.fromEntries(allMaps.map((name) => [name, 64]))
  const object = BpfObject.loadBlocking(readPrograms(), {
    maps: allMaps,
    programs: [],
    sizes: { ...small, node_settings: 2, ...sizes },
  })
  return Object.assign(new TableMaps(object), { [Symbol.dispose]: () => object.close() })
}

const from = (before: RoutingTable, after: RoutingTable): EbpfProgram =>
  compile(fullDifference(before, after), () => [])
/** Where nothing tells pods, all elements but the node's settings are of routes. */
const table = (routes: readonly ServiceRoute[]) => tableOf(routes, { podSource: { by: 'none' } })
const nothing = emptyTable('IPv4', { by: 'none' })

const keysOf = (maps: TableMaps, name: MapName): string[] =>
  [...maps.object.map(name).entries()].map(({ key }) => bytesOf(key))

/** A trie refuses a prefix that is longer than its keys. */
const refusedRange = {
  map: 'ranges',
  key: Buffer.alloc(structs.range_key.size, 0xff),
  value: Buffer.alloc(1),
} as const

test('what a program that failed had not written yet is not written by the next one', (t) => {
  using maps = loadMaps()
  const sticky = route('a/b', [clusterIP('10.96.0.1')], [endpoint('10.1.1.2')], { affinitySeconds: 600 })
  const failing = { ...from(nothing, table([sticky])), elements: [refusedRange] }
  t.throws(() => applyElements(failing, maps, 0), { code: 'EINVAL' })
  const other = { ...nothing, localAddresses: new Set(['192.168.50.11' as Address]) }
  applyElements(from(nothing, other), maps, 0)
  t.deepEqual(keysOf(maps, 'members'), [])
  t.is(keysOf(maps, 'frontends').length, 1)
})

test('after a restart, what new routes get is nothing that routes which are to go still have', (t) => {
  using before = loadMaps()
  const gone = route('a/gone', [clusterIP('10.96.0.1')], [endpoint('10.1.1.2')])
  applyElements(from(nothing, table([gone])), before, 0)
  const slots = before.object.map('endpoints').firstValues(2)
  const maps = new TableMaps(before.object)
  const wanted = table([route('a/new', [clusterIP('10.96.0.2')], [endpoint('10.1.1.3')])])
  const program = compared(maps, wanted)
  // Endpoints are written before ranges.
  const failing = { ...program, elements: [...program.elements, refusedRange] }
  t.throws(() => applyElements(failing, maps, 0), { code: 'EINVAL' })
  const size = structs.endpoint.size
  t.deepEqual(before.object.map('endpoints').firstValues(1), slots.subarray(0, size))
  applyElements(compared(maps, wanted), maps, 0)
  t.not(maps.numbers.get('IPv4', 'a/new/TCP')!.service, before.numbers.get('IPv4', gone.key)!.service)
})

/** Its clients are kept with their endpoints, and restricted at one address. */
function stateOf(key: string, endpoints: number, frontends: readonly Frontend[] = []): ServiceRoute {
  const allowedSources = [`198.51.100.${endpoints}/32` as Cidr]
  const balancer = {
    kind: 'LoadBalancer',
    address: '192.0.2.1' as Address,
    port: 80,
    allowedSources,
  } as const
  return route(
    key,
    [clusterIP('10.96.0.1'), { ...balancer, verdicts: internal }, ...frontends],
    Array.from({ length: endpoints }, (_, index) => endpoint(`10.1.${endpoints}.${index + 1}`)),
    { affinitySeconds: 600 },
  )
}

const all = ['frontends', 'ranges', 'members'] as const
const contents = (maps: TableMaps) => all.map((name) => keysOf(maps, name).toSorted())

/** What maps hold into which nothing but this table was ever written. */
function freshly(wanted: RoutingTable): string[][] {
  using maps = loadMaps({ endpoints: 16 })
  applyElements(from(nothing, wanted), maps, 0)
  return contents(maps)
}

const exposed = nodePort(30_080, false)
const [first, tooLarge, last] = [
  table([stateOf('a/b', 2, [exposed])]),
  table([stateOf('a/b', 20)]),
  table([stateOf('a/b', 3)]),
]

function compared(maps: TableMaps, wanted: RoutingTable): EbpfProgram {
  const observedState = observe(maps.object, 'IPv4', nothingObserved('IPv4').node, [])
  return reconcile(observedState, wanted, maps.leftOut.IPv4)
}

for (const [claim, seen] of [
  ['', []],
  [', also after a comparison of everything', [tooLarge]],
] as const) {
  test(`what a route had before a change that was left out goes with the next one${claim}`, (t) => {
    for (const after of [last, table([])]) {
      using maps = loadMaps({ endpoints: 16 })
      applyElements(from(nothing, first), maps, 0)
      t.regex(applyElements(from(first, tooLarge), maps, 0).degraded[0]!.reason, /'endpoints' is full/)
      for (const one of seen) applyElements(compared(maps, one), maps, 0)
      applyElements(from(tooLarge, after), maps, 0)
      t.deepEqual(contents(maps), freshly(after))
    }
  })

  test(`a frontend that passed to another route meanwhile stays${claim}`, (t) => {
    using maps = loadMaps({ endpoints: 16 })
    const taker = route('c/d', [exposed], [endpoint('10.1.9.9')])
    const withTaker = (one: RoutingTable) => table([...one.routes.values(), taker])
    applyElements(from(nothing, first), maps, 0)
    applyElements(from(first, tooLarge), maps, 0)
    for (const one of seen) applyElements(compared(maps, one), maps, 0)
    applyElements(from(tooLarge, withTaker(tooLarge)), maps, 0)
    applyElements(from(withTaker(tooLarge), withTaker(last)), maps, 0)
    t.deepEqual(contents(maps)[0], freshly(withTaker(last))[0])
    t.is(applyElements(compared(maps, withTaker(last)), maps, 0).bytes, 0)
  })
}
