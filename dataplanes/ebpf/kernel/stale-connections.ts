import { protocolNumber } from '@portolan/core'
import { structs } from '../layout/structures.ts'
import { flowTimeouts } from '../layout/timeouts.ts'

/** What is remembered of a connection or client: key and value of a map, and when this is (CLOCK_MONOTONIC, ns). */
export interface Remembered {
  readonly key: Buffer
  readonly value: Buffer
  readonly now: bigint
}

/** What has to be looked up to judge it. */
export interface Lookup {
  /** A key of the map `members`: whether a service has the endpoint. */
  isMember(key: Buffer): boolean
  /** The value of the flow with this key. */
  flow(key: Buffer): Buffer | undefined
  /** Session affinity's timeout; 0: the service has none. */
  affinitySeconds(service: number): number
}

const second = 1_000_000_000n

/** Whether nothing is lost without the flow: silent in both directions for too long, or UDP to an endpoint that has gone. */
export function isStaleFlow({ key, value, now }: Remembered, lookup: Lookup): boolean {
  const { at } = structs.flow
  if (key.readUInt32LE(structs.flow_key.at.protocol) === protocolNumber.UDP && isOfService(value)) {
    if (!lookup.isMember(endpointOf(key, value))) return true
  }
  if (!isSilent(value, now)) return false
  const opposite = Buffer.alloc(structs.flow_key.size)
  value.copy(opposite, structs.flow_key.at.source, at.destination, at.destination + 16)
  value.copy(opposite, structs.flow_key.at.destination, at.source, at.source + 16)
  value.copy(opposite, structs.flow_key.at.source_port, at.destination_port, at.destination_port + 2)
  value.copy(opposite, structs.flow_key.at.destination_port, at.source_port, at.source_port + 2)
  key.copy(opposite, structs.flow_key.at.protocol, structs.flow_key.at.protocol)
  const other = lookup.flow(opposite)
  return other === undefined || isSilent(other, now)
}

/** Others have only their port translated, for as long as they last. */
function isOfService(flow: Buffer): boolean {
  return flow.readUInt32LE(structs.flow.at.service) !== 0
}

/** Whether this direction of a flow is too long without a packet. */
export function isSilent(flow: Buffer, now: bigint): boolean {
  const { at } = structs.flow
  const timeout = flowTimeouts[flow[at.state] ?? 0] ?? 0
  return now - flow.readBigUInt64LE(at.last) > BigInt(timeout) * second
}

/** As a key of the map `members`: where the client's packets go, or where the answers come from. */
function endpointOf(key: Buffer, value: Buffer): Buffer {
  const { at } = structs.flow
  const member = Buffer.alloc(structs.member_key.size)
  const to = structs.member_key.at
  if (value[at.reply] === 1) {
    key.copy(member, to.address, structs.flow_key.at.source, structs.flow_key.at.source + 16)
    key.copy(member, to.port, structs.flow_key.at.source_port, structs.flow_key.at.source_port + 2)
  } else {
    value.copy(member, to.address, at.destination, at.destination + 16)
    value.copy(member, to.port, at.destination_port, at.destination_port + 2)
  }
  value.copy(member, to.service, at.service, at.service + 4)
  member.writeUInt16LE(value[at.local] ?? 0, to.local)
  return member
}

/** Whether a client's next connection would be free to go elsewhere anyway. */
export function isStaleAffinity({ key, value, now }: Remembered, lookup: Lookup): boolean {
  const [from, to] = [structs.affinity_key.at, structs.member_key.at]
  const service = key.readUInt32LE(from.service)
  const member = Buffer.alloc(structs.member_key.size)
  value.copy(member, to.address, structs.affinity.at.address, structs.affinity.at.address + 16)
  value.copy(member, to.port, structs.affinity.at.port, structs.affinity.at.port + 2)
  member.writeUInt32LE(service, to.service)
  member.writeUInt16LE(key.readUInt32LE(from.local), to.local)
  if (!lookup.isMember(member)) return true
  return (
    now - value.readBigUInt64LE(structs.affinity.at.last) > BigInt(lookup.affinitySeconds(service)) * second
  )
}
