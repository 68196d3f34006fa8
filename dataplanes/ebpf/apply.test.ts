import { type Address, emptyTable, fullDifference, type RoutingTable } from '@portolan/core'
import { BpfObject, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { applyElements, TableMaps } from './apply.ts'
import { compile } from './compile.ts'
import { clusterIP, endpoint, route, table } from './example-tables.ts'
import { bytesOf } from './held.ts'
import { allMaps, type MapName, structs } from './layout.ts'
import type { EbpfProgram } from './program.ts'

/** Maps of the kernel that no program reads: nothing is pinned or attached, and they go with their descriptors. */
function loadMaps(sizes: Partial<Record<MapName, number>> = {}): TableMaps & Disposable {
  const small = Object.fromEntries(allMaps.map((name) => [name, 64]))
  const object = BpfObject.load(readPrograms(), {
    maps: allMaps,
    programs: [],
    sizes: { ...small, node_settings: 2, ...sizes },
  })
  return Object.assign(new TableMaps(object), { [Symbol.dispose]: () => object.close() })
}

const from = (before: RoutingTable, after: RoutingTable): EbpfProgram =>
  compile(fullDifference(before, after))
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
