import assert from 'node:assert/strict'
import type { BpfObject } from '@portolan/native/libbpf'
import fc from 'fast-check'
import { print } from '../compile/print.ts'
import { reconcile } from '../compile/reconcile.ts'
import { observe } from '../kernel/observe.ts'
import { frontendKeyOf } from '../layout/encode.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import { structs } from '../layout/structures.ts'
import { clusterIP, endpoint, nodePort, route, table } from './example-tables.ts'

const wanted = table([
  route('shop/web:http', [clusterIP('10.96.0.10'), nodePort(30_080, true)], [endpoint('10.1.0.2')], {
    affinitySeconds: 60,
  }),
  route('shop/none:http', [clusterIP('10.96.0.11')], []),
])
const ours = [...wanted.routes.values()].flatMap((one) =>
  one.frontends.map((frontend) => frontendKeyOf(one, frontend)),
)

const endpoints = 64

/** Few numbers, so that elements of different maps are about the same thing; and those that overflow. */
const byte = fc.oneof(fc.constantFrom(0, 1, 2, 255), fc.nat(255))
const bytes = (length: number) =>
  fc.array(byte, { minLength: length, maxLength: length }).map((all) => Buffer.from(all))
const elements = (key: fc.Arbitrary<Buffer>, value: number) =>
  fc.array(fc.tuple(key, bytes(value)), { maxLength: 6 })
const mapped = (address: fc.Arbitrary<Buffer>) =>
  address.map((all) => Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), all.subarray(12)]))

const contents = fc.record({
  frontends: elements(
    fc.oneof(fc.constantFrom(...ours), bytes(structs.frontend_key.size)),
    structs.frontend.size,
  ),
  ranges: elements(bytes(structs.range_key.size), 4),
  members: elements(mapped(bytes(structs.member_key.size)), 4),
  devices: elements(bytes(structs.device_key.size), structs.device.size),
  namespaces: elements(bytes(8), 4),
  node_settings: elements(bytes(4), structs.settings.size),
  services: elements(bytes(4), structs.service.size),
  endpoints: elements(bytes(4), structs.endpoint.size),
})

/** Maps with any elements, as another program with the right to could leave them. */
function objectWith(held: Readonly<Record<string, readonly (readonly [Buffer, Buffer])[]>>): BpfObject {
  const map = (name: string) => {
    const all = held[name] ?? []
    const sizes = { services: structs.service.size, endpoints: structs.endpoint.size }
    const valueSize = all[0]?.[1].length ?? sizes[name as keyof typeof sizes] ?? 4
    const values = Buffer.concat(all.map(([, value]) => value))
    return {
      keySize: all[0]?.[0].length ?? 4,
      valueSize,
      maxEntries: endpoints,
      batches: function* () {
        yield { keys: Buffer.concat(all.map(([key]) => key)), values, count: all.length }
      },
      firstValues: (count: number) => {
        assert.ok(count <= endpoints, `${name}: ${count} of ${endpoints} values are asked for`)
        return Buffer.concat([values, Buffer.alloc(count * valueSize)], count * valueSize)
      },
      get: () => all[0]?.[1],
    }
  }
  return { map } as unknown as BpfObject
}

/** Whatever the maps hold, the way from there to the table is found. */
export const maps = fc.property(contents, (held) => {
  const { node } = nothingObserved('IPv4')
  const observed = observe(objectWith(held), 'IPv4', node, [])
  assert.ok(print(reconcile(observed, wanted)).length < 100_000)
})
