import { protocolNumber } from '@portolan/core'
import { addressText, familyAt } from '../layout/address-bytes.ts'
import { deviceOfPods, frontendKind, rangeScope, structs } from '../layout/structures.ts'
import type { ElementStep } from './program.ts'

/** An element of a map for a person: by what it stands for where that can be told from its bytes, else in hexadecimal. */
export function elementText({ map, key, value }: ElementStep): string {
  const verb = value === undefined ? 'delete' : 'set'
  const meaning = meaningOf(map, key, value)
  if (meaning !== undefined) return `map ${map}: ${verb} ${meaning}`
  const bytes = `map ${map}: ${verb} ${key.toString('hex')}`
  return value === undefined ? bytes : `${bytes} = ${value.toString('hex')}`
}

function meaningOf(map: ElementStep['map'], key: Buffer, value: Buffer | undefined): string | undefined {
  if (map === 'frontends' && key.length === structs.frontend_key.size) return frontendText(key)
  if (map === 'ranges' && key.length === structs.range_key.size) return rangeText(key)
  if (map === 'devices' && key.length === structs.device_key.size) return deviceText(key, value)
  if (map === 'node_settings' && key.length === 4)
    return `how pods and the node are recognised, ${familyNames[key.readUInt32LE(0)] ?? 'no family'}`
  return undefined
}

const familyNames: Readonly<Record<number, string>> = { 0: 'IPv4', 1: 'IPv6' }

function frontendText(key: Buffer): string | undefined {
  const { at } = structs.frontend_key
  const address = addressText(key, at.address)
  const port = key.readUInt16BE(at.port)
  const kind = nameOf(frontendKind, key[at.kind])
  const protocol = nameOf(protocolNumber, key[at.protocol])
  if (kind === undefined) return undefined
  if (kind !== 'address' && kind !== 'nodePort') return `${kind} ${address}`
  if (protocol === undefined) return undefined
  if (kind === 'nodePort') return `node port ${port}/${protocol}`
  return `${address.includes(':') ? `[${address}]` : address}:${port}/${protocol}`
}

function rangeText(key: Buffer): string {
  const cidr = rangeCidr(key)
  const scope = key.readUInt32BE(structs.range_key.at.scope)
  if (scope === rangeScope.unallocated) return `unallocated ${cidr}`
  return scope === rangeScope.pods ? `pods ${cidr}` : `allowed sources of service ${scope}: ${cidr}`
}

/** The range in a key of the map `ranges`. */
export function rangeCidr(key: Buffer): string {
  const { at } = structs.range_key
  const mapped = familyAt(key, at.address) === 'IPv4' ? 96 : 0
  return `${addressText(key, at.address)}/${key.readUInt32LE(at.prefix_length) - 32 - mapped}`
}

function deviceText(key: Buffer, value: Buffer | undefined): string {
  const index = key.readUInt32LE(structs.device_key.at.interface)
  const family = familyNames[key.readUInt32LE(structs.device_key.at.family)] ?? 'no family'
  const device = `${index === 0 ? 'any other interface' : `interface ${index}`}, ${family}`
  if (value?.length !== structs.device.size) return device
  const { at } = structs.device
  const address = value.subarray(at.address, at.address + 16)
  const source = address.every((byte) => byte === 0) ? 'no address' : addressText(value, at.address)
  const pods = value.readUInt32LE(at.flags) === deviceOfPods ? ', of pods' : ''
  const bridge = value.readUInt32LE(at.bridge)
  const port = bridge === 0 ? '' : `, port of bridge ${bridge}`
  return `${device} = masquerade as ${source}${pods}${port}`
}

function nameOf(numbers: Readonly<Record<string, number>>, number: number | undefined): string | undefined {
  return Object.entries(numbers).find(([, one]) => one === number)?.[0]
}
