import type { IpFamily } from '@portolan/core'
import type { BpfMap, BpfObject } from '@portolan/native/libbpf'
import { familyAt } from '../layout/address-bytes.ts'
import type { MapName } from '../layout/maps.ts'
import { settingsKey } from '../layout/node-elements.ts'
import {
  type Bytes,
  bytesOf,
  type NodeState,
  numbersOf,
  type ObservedService,
  type ObservedState,
} from '../layout/observed-state.ts'
import { familyIndex, frontendKind, structs } from '../layout/structures.ts'

/** Reads back all that the maps hold of one family, in batches: 100,000 Services take a fraction of a second. */
export function observe(
  object: BpfObject,
  family: IpFamily,
  node: NodeState,
  detached: readonly string[],
): ObservedState {
  const frontends = new Map<Bytes, Bytes>()
  const numbers = { ours: new Set<number>(), others: new Set<number>() }
  readElements(object.map('frontends'), (key, value, keys, values, keyAt, valueAt) => {
    const ours = familyAt(keys, keyAt + structs.frontend_key.at.address) === family
    if (ours) frontends.set(key(), value())
    const kind = keys[keyAt + structs.frontend_key.at.kind]
    if (kind !== frontendKind.address && kind !== frontendKind.nodePort) return
    numbers[ours ? 'ours' : 'others'].add(values.readUInt32LE(valueAt + structs.frontend.at.service))
  })
  const services = readServices(object, numbers.ours)
  return {
    family,
    frontends,
    services,
    slots: object.map('endpoints').firstValues(lastSlot(services.values())),
    others: [...readServices(object, numbers.others)].map(([service, observed]) =>
      numbersOf(service, observed),
    ),
    ranges: readKeys(object, 'ranges', family, structs.range_key),
    members: readKeys(object, 'members', family, structs.member_key),
    devices: readDevices(object, family),
    namespaces: readNamespaces(object),
    settings: readSettings(object, family),
    detached,
    node,
  }
}

type Visit = (
  key: () => Bytes,
  value: () => Bytes,
  keys: Buffer,
  values: Buffer,
  keyAt: number,
  valueAt: number,
) => void

/** No object is made for an element that isn't wanted. */
function readElements(map: BpfMap, visit: Visit): void {
  const { keySize, valueSize } = map
  for (const { keys, values, count } of map.batches()) {
    for (let index = 0; index < count; index++) {
      const [keyAt, valueAt] = [index * keySize, index * valueSize]
      const key = () => keys.toString('latin1', keyAt, keyAt + keySize)
      const value = () => values.toString('latin1', valueAt, valueAt + valueSize)
      visit(key, value, keys, values, keyAt, valueAt)
    }
  }
}

function readKeys(
  object: BpfObject,
  map: MapName,
  family: IpFamily,
  layout: { readonly at: { readonly address: number } },
): Set<Bytes> {
  const found = new Set<Bytes>()
  readElements(object.map(map), (key, _value, keys, _values, keyAt) => {
    if (familyAt(keys, keyAt + layout.at.address) === family) found.add(key())
  })
  return found
}

export function readDevices(object: BpfObject, family: IpFamily): Map<Bytes, Bytes> {
  const found = new Map<Bytes, Bytes>()
  readElements(object.map('devices'), (key, value, keys, _values, keyAt) => {
    if (keys.readUInt32LE(keyAt + structs.device_key.at.family) === familyIndex[family])
      found.set(key(), value())
  })
  return found
}

export function readNamespaces(object: BpfObject): Set<Bytes> {
  const found = new Set<Bytes>()
  readElements(object.map('namespaces'), (key) => found.add(key()))
  return found
}

export function readSettings(object: BpfObject, family: IpFamily): Bytes {
  return bytesOf(object.map('node_settings').get(settingsKey(family)) ?? Buffer.alloc(0))
}

/** One whose endpoints lie outside of the map counts as not there. */
function readServices(object: BpfObject, numbers: ReadonlySet<number>): Map<number, ObservedService> {
  const map = object.map('services')
  const { size, at } = structs.service
  let last = 0
  for (const number of numbers) if (number < map.maxEntries) last = Math.max(last, number)
  const values = map.firstValues(numbers.size === 0 ? 0 : last + 1)
  const services = new Map<number, ObservedService>()
  for (const number of numbers) {
    if (number === 0 || number > last) continue
    const word = number * size + at.word
    const base = values.readUInt32LE(word)
    const cluster = values.readUInt16LE(word + 4)
    const local = values.readUInt16LE(word + 6)
    if (base + cluster + local > object.map('endpoints').maxEntries) continue
    const affinitySeconds = values.readUInt32LE(number * size + at.affinity_seconds)
    services.set(number, { base, cluster, local, affinitySeconds })
  }
  return services
}

function lastSlot(services: Iterable<ObservedService>): number {
  let last = 0
  for (const { base, cluster, local } of services) last = Math.max(last, base + cluster + local)
  return last
}
