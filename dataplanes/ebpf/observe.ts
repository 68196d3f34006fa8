import type { IpFamily } from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import { familyAt } from './encode.ts'
import { type Bytes, bufferOf, bytesOf, type Held, type HeldService, type NodeState } from './held.ts'
import { familyIndex, frontendKind, type MapName, rangeScope, structs } from './layout.ts'
import { settingsKey } from './node-elements.ts'

/** Reads back all that the maps hold of one family. */
export function observe(
  object: BpfObject,
  family: IpFamily,
  node: NodeState,
  detached: readonly string[],
): Held {
  const frontends = readElements(object, 'frontends', (key) => isOf(family, key, structs.frontend_key))
  return {
    family,
    frontends,
    services: readServices(object, frontends),
    ranges: new Set(readElements(object, 'ranges', (key) => isOf(family, key, structs.range_key)).keys()),
    members: new Set(readElements(object, 'members', (key) => isOf(family, key, structs.member_key)).keys()),
    devices: readElements(
      object,
      'devices',
      (key) => key.readUInt32LE(structs.device_key.at.family) === familyIndex[family],
    ),
    namespaces: new Set(readElements(object, 'namespaces', () => true).keys()),
    settings: bytesOf(object.map('node_settings').get(settingsKey(family)) ?? Buffer.alloc(0)),
    detached,
    node,
  }
}

function isOf(family: IpFamily, key: Buffer, layout: { readonly at: { readonly address: number } }): boolean {
  return familyAt(key, layout.at.address) === family
}

function readElements(object: BpfObject, map: MapName, wanted: (key: Buffer) => boolean): Map<Bytes, Bytes> {
  const elements = new Map<Bytes, Bytes>()
  for (const { key, value } of object.map(map).entries()) {
    if (wanted(key)) elements.set(bytesOf(key), bytesOf(value))
  }
  return elements
}

/** Those that a frontend leads to; one whose endpoints lie outside of the map counts as not there. */
function readServices(object: BpfObject, frontends: ReadonlyMap<Bytes, Bytes>): Map<number, HeldService> {
  const services = new Map<number, HeldService>()
  const key = Buffer.alloc(4)
  const { at } = structs.service
  const endpointMap = object.map('endpoints')
  for (const [name, value] of frontends) {
    const kind = name.charCodeAt(structs.frontend_key.at.kind)
    if (kind !== frontendKind.address && kind !== frontendKind.nodePort) continue
    const number = bufferOf(value).readUInt32LE(structs.frontend.at.service)
    if (number === rangeScope.unallocated || services.has(number)) continue
    key.writeUInt32LE(number, 0)
    const service = object.map('services').get(key)
    if (service === undefined) continue
    const base = service.readUInt32LE(at.word)
    const cluster = service.readUInt16LE(at.word + 4)
    const local = service.readUInt16LE(at.word + 6)
    if (base + cluster + local > endpointMap.maxEntries) continue
    const endpoints = Array.from({ length: cluster + local }, (_, index) => {
      key.writeUInt32LE(base + index, 0)
      return bytesOf(endpointMap.get(key) ?? Buffer.alloc(0))
    })
    services.set(number, {
      base,
      cluster,
      local,
      affinitySeconds: service.readUInt32LE(at.affinity_seconds),
      endpoints,
    })
  }
  return services
}
