import {
  type Address,
  addressBytes,
  type Endpoint,
  formatBytes,
  type IpFamily,
  protocolNumber,
  protocolOfNumber,
} from '@portolan/core'
import {
  findAttribute,
  findNumber,
  genericHeaderBytes,
  NetlinkProtocolError,
  type NetlinkWriter,
  nested,
} from '@portolan/native'
import { addressFamily } from '@portolan/native/netfilter'
import type { Step } from '../compile/step.ts'
import { persistentFlag } from '../layout/server-flags.ts'
import type { ObservedDestination, ServerPlace, ServerTerms } from '../layout/virtual-server.ts'

/** Numbers of linux/ip_vs.h. */
export const ipvsFamily = { name: 'IPVS', version: 1 }

export const command = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDestination: 5,
  setDestination: 6,
  deleteDestination: 7,
  getDestination: 8,
  setConfig: 12,
} as const

const top = { service: 1, destination: 2, timeoutTcp: 4, timeoutTcpFin: 5, timeoutUdp: 6 }
const service = {
  family: 1,
  protocol: 2,
  address: 3,
  port: 4,
  fwmark: 5,
  scheduler: 6,
  flags: 7,
  timeout: 8,
  netmask: 9,
}
const destination = {
  address: 1,
  port: 2,
  forwarding: 3,
  weight: 4,
  upperThreshold: 5,
  lowerThreshold: 6,
  active: 7,
  inactive: 8,
}
/** Set by the kernel alone: the virtual server is in its table (IP_VS_SVC_F_HASHED). */
const hashedFlag = 0x2
/** Of a virtual server for single addresses; persistence by ranges of clients would have a shorter one. */
const netmask: Readonly<Record<IpFamily, number>> = { IPv4: 0xffffffff, IPv6: 128 }

export type ServerStep = Exclude<Step, { readonly set: unknown }>

export function commandOf(step: ServerStep): number {
  switch (step.do) {
    case 'add-server':
      return command.newService
    case 'edit-server':
      return command.setService
    case 'delete-server':
      return command.deleteService
    case 'add-destination':
      return command.newDestination
    case 'weigh-destination':
      return command.setDestination
    case 'delete-destination':
      return command.deleteDestination
  }
}

/** Writes the attributes of a step's command. */
export function writeStep(writer: NetlinkWriter, family: IpFamily, step: ServerStep): void {
  if ('endpoint' in step) {
    const { weight = 1 } = step
    writeService(writer, family, step.place)
    writeDestination(writer, step.endpoint, weight)
  } else {
    writeService(writer, family, step.place, step.do === 'delete-server' ? undefined : step.terms)
  }
}

/** Which virtual server; with `terms`, also what it is. */
export function writeService(
  writer: NetlinkWriter,
  family: IpFamily,
  place: ServerPlace,
  terms?: ServerTerms,
): void {
  const start = writer.beginAttribute(nested | top.service)
  uint16Attribute(writer, service.family, addressFamily[family])
  if ('fwmark' in place) {
    uint32Attribute(writer, service.fwmark, place.fwmark)
  } else {
    uint16Attribute(writer, service.protocol, protocolNumber[place.protocol])
    addressAttribute(writer, service.address, place.address)
    portAttribute(writer, service.port, place.port)
  }
  if (terms !== undefined) {
    writer.stringAttribute(service.scheduler, terms.scheduler)
    const flags = writer.beginAttribute(service.flags)
    writer.uint32(terms.flags)
    writer.uint32(0xffffffff)
    writer.endAttribute(flags)
    uint32Attribute(writer, service.timeout, terms.timeoutSeconds)
    uint32Attribute(writer, service.netmask, netmask[family])
  }
  writer.endAttribute(start)
}

function writeDestination(writer: NetlinkWriter, endpoint: Endpoint, weight: number): void {
  const start = writer.beginAttribute(nested | top.destination)
  addressAttribute(writer, destination.address, endpoint.address)
  portAttribute(writer, destination.port, endpoint.port)
  // 0: masquerading, which is what IPVS calls translating the destination.
  uint32Attribute(writer, destination.forwarding, 0)
  uint32Attribute(writer, destination.weight, weight)
  uint32Attribute(writer, destination.upperThreshold, 0)
  uint32Attribute(writer, destination.lowerThreshold, 0)
  writer.endAttribute(start)
}

/** Timeouts of connections, in seconds; 0 leaves one as it is. */
export function writeTimeouts(writer: NetlinkWriter, tcp: number, tcpFin: number, udp: number): void {
  uint32Attribute(writer, top.timeoutTcp, tcp)
  uint32Attribute(writer, top.timeoutTcpFin, tcpFin)
  uint32Attribute(writer, top.timeoutUdp, udp)
}

/** A virtual server as the kernel tells of it. `undefined`: one of the other family. */
export function readService(
  payload: Buffer,
  family: IpFamily,
): { readonly place: ServerPlace; readonly terms: ServerTerms } | undefined {
  const bytes = findAttribute(payload.subarray(genericHeaderBytes), top.service)
  if (bytes === undefined || uint16(bytes, service.family) !== addressFamily[family]) return undefined
  const flags = uint32(bytes, service.flags) & ~hashedFlag
  const terms: ServerTerms = {
    scheduler: text(bytes, service.scheduler),
    flags,
    timeoutSeconds: (flags & persistentFlag) === 0 ? 0 : uint32(bytes, service.timeout),
  }
  const fwmark = findNumber(bytes, service.fwmark, 'uint32')
  if (fwmark !== undefined) return { place: { fwmark }, terms }
  const protocol = protocolOfNumber(uint16(bytes, service.protocol))
  if (protocol === undefined) return undefined
  return {
    place: { address: address(bytes, service.address, family), protocol, port: port(bytes, service.port) },
    terms,
  }
}

export function readDestination(payload: Buffer, family: IpFamily): ObservedDestination | undefined {
  const bytes = findAttribute(payload.subarray(genericHeaderBytes), top.destination)
  if (bytes === undefined) return undefined
  return {
    endpoint: {
      address: address(bytes, destination.address, family),
      port: port(bytes, destination.port),
      local: false,
    },
    weight: uint32(bytes, destination.weight),
    active: uint32(bytes, destination.active),
    inactive: uint32(bytes, destination.inactive),
  }
}

function uint16Attribute(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint16(value)
  writer.endAttribute(start)
}

function uint32Attribute(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint32(value)
  writer.endAttribute(start)
}

function portAttribute(writer: NetlinkWriter, type: number, value: number): void {
  const start = writer.beginAttribute(type)
  writer.uint16BE(value)
  writer.endAttribute(start)
}

/** IPVS has one shape for both families: 16 bytes, of which IPv4 uses the first four. */
function addressAttribute(writer: NetlinkWriter, type: number, value: Address): void {
  const start = writer.beginAttribute(type)
  const bytes = addressBytes(value)
  writer.copy(bytes)
  if (bytes.length < 16) writer.copy(new Uint8Array(16 - bytes.length))
  writer.endAttribute(start)
}

function uint16(bytes: Buffer, type: number): number {
  return findNumber(bytes, type, 'uint16') ?? 0
}

function uint32(bytes: Buffer, type: number): number {
  return findNumber(bytes, type, 'uint32') ?? 0
}

function port(bytes: Buffer, type: number): number {
  return findNumber(bytes, type, 'uint16BE') ?? 0
}

function text(bytes: Buffer, type: number): string {
  return findAttribute(bytes, type)?.toString('utf8').replace(/\0.*$/s, '') ?? ''
}

function address(bytes: Buffer, type: number, family: IpFamily): Address {
  const value = findAttribute(bytes, type) ?? Buffer.alloc(16)
  const length = family === 'IPv4' ? 4 : 16
  if (value.length < length)
    throw new NetlinkProtocolError('NETLINK_MALFORMED', `an ${family} address has ${value.length} bytes`)
  return formatBytes(Uint8Array.from(value.subarray(0, length)))
}
