import type { IpFamily, Protocol } from '@portolan/core'
import { nftFamily, type Place } from './table.ts'

/** nft's name of a protocol. */
export const protocolName = (protocol: Protocol): string => protocol.toLowerCase()

/** nft's expressions for parts of a packet, in one family. */
export function expressions(family: IpFamily) {
  const ip = nftFamily(family)
  const full = (place: Place) =>
    place === 'vip' ? `${ip} daddr . meta l4proto . th dport` : 'meta l4proto . th dport'
  const within = (place: Place, protocol: Protocol) =>
    place === 'vip' ? `${ip} daddr . ${protocolName(protocol)} dport` : `${protocolName(protocol)} dport`
  /**
   * The client, as part of the affinity map's key; in IPv6 the last 96 bits of its address. With all 128, nft 1.0.6
   * writes a map's update so that the data overwrites the last word of the key, and every client is forgotten at once
   * (`nft --debug=netlink` shows it). Clients whose addresses differ in the first 32 bits alone share an endpoint.
   */
  const client = family === 'IPv4' ? 'ip saddr' : '@nh,96,96'
  return { ip, full, within, client }
}
