import { addressBytes, type IpFamily, isLoopback, type RoutingTable } from '@portolan/core'
import type { NetworkInterface } from '@portolan/native'
import { rangeKey } from './encode.ts'
import { type Bytes, bytesOf, type NodeState } from './observed-state.ts'
import { deviceOfPods, familyIndex, rangeScope, sourceClassIndex, structs } from './structures.ts'
import { classOfPods } from './verdict-byte.ts'

/** What the devices map holds for a family: where packets of pods come in, and what masquerade makes of the source. */
export function deviceElements(table: RoutingTable, { interfaces }: NodeState): Map<Bytes, Bytes> {
  const { family } = table
  const elements = new Map<Bytes, Bytes>()
  for (const one of interfaces) {
    const address = addressOf(one, family)
    const ofPods = isOfPods(table, one.name)
    const bridge = bridgeOf(one) ?? 0
    if (address === undefined && !ofPods && bridge === 0) continue
    elements.set(deviceKey(one.index, family), deviceValue(address, family, { ofPods, bridge }))
  }
  const { key, value } = fallbackDevice(table, interfaces)
  if (value !== undefined) elements.set(key, value)
  return elements
}

/** What stands for every interface without an address of its own; without a value: nothing does. */
export function fallbackDevice(
  { family, nodePortAddresses }: Pick<RoutingTable, 'family' | 'nodePortAddresses'>,
  interfaces: NodeState['interfaces'],
): { readonly key: Bytes; readonly value: Bytes | undefined } {
  const ofNode = [...nodePortAddresses].find((address) => !isLoopback(address))
  const anyone = interfaces
    .filter(({ up }) => up)
    .map((one) => addressOf(one, family))
    .find((address) => address !== undefined)
  const bytes = ofNode === undefined ? anyone : addressBytes(ofNode)
  return {
    key: deviceKey(0, family),
    value: bytes === undefined ? undefined : deviceValue(bytes, family),
  }
}

/** The index of the bridge that an interface is a port of. */
export function bridgeOf({ master }: NetworkInterface): number | undefined {
  return master?.kind === 'bridge' ? master.index : undefined
}

function isOfPods({ podSource }: RoutingTable, name: string): boolean {
  if (podSource.by === 'interface') return name === podSource.name
  return podSource.by === 'interfacePrefix' && name.startsWith(podSource.prefix)
}

function addressOf({ addresses }: NetworkInterface, family: IpFamily): Uint8Array | undefined {
  return addresses.find(({ length }) => length === (family === 'IPv4' ? 4 : 16))
}

function deviceKey(index: number, family: IpFamily): Bytes {
  const { size, at } = structs.device_key
  const key = Buffer.alloc(size)
  key.writeUInt32LE(index, at.interface)
  key.writeUInt32LE(familyIndex[family], at.family)
  return bytesOf(key)
}

function deviceValue(
  address: Uint8Array | undefined,
  family: IpFamily,
  { ofPods, bridge } = { ofPods: false, bridge: 0 },
): Bytes {
  const { size, at } = structs.device
  const value = Buffer.alloc(size)
  if (address !== undefined) {
    if (family === 'IPv4') value.writeUInt16BE(0xffff, at.address + 10)
    value.set(address, family === 'IPv4' ? at.address + 12 : at.address)
  }
  value.writeUInt32LE(ofPods ? deviceOfPods : 0, at.flags)
  value.writeUInt32LE(bridge, at.bridge)
  return bytesOf(value)
}

export function settingsKey(family: IpFamily): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32LE(familyIndex[family], 0)
  return key
}

export function settingsValue({ podSource }: RoutingTable, node: NodeState): Bytes {
  const { size, at } = structs.settings
  const value = Buffer.alloc(size)
  value.writeBigUInt64LE(node.cookie, at.node)
  value.writeUInt16LE(node.ports.first, at.first_port)
  value.writeUInt16LE(node.ports.last, at.last_port)
  value[at.listed_only] = node.podNamespaces === undefined ? 0 : 1
  value[at.pod_class] = sourceClassIndex[classOfPods(podSource)]
  return bytesOf(value)
}

export function namespaceElements({ podNamespaces = [] }: NodeState): Set<Bytes> {
  return new Set(
    podNamespaces.map((cookie) => {
      const key = Buffer.alloc(8)
      key.writeBigUInt64LE(cookie, 0)
      return bytesOf(key)
    }),
  )
}

/** The ranges of a table that belong to no route. */
export function tableRanges(table: RoutingTable): Set<Bytes> {
  const keys = [...table.serviceCidrs].map((cidr) => rangeKey(rangeScope.unallocated, cidr))
  if (table.podSource.by === 'cidr') keys.push(rangeKey(rangeScope.pods, table.podSource.cidr))
  return new Set(keys.map(bytesOf))
}
