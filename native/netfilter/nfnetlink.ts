import type { NetlinkWriter } from '../netlink/netlink-writer.ts'

/** The netlink protocol of netfilter's subsystems. */
export const netlinkNetfilter = 12

/** NFNL_SUBSYS_* of linux/netfilter/nfnetlink.h, in the place that they have in a message's type. */
export const nfnetlinkSubsystem = {
  conntrack: 1 << 8,
  ipset: 6 << 8,
  nfTables: 10 << 8,
  nftCompat: 11 << 8,
} as const

/** struct nfgenmsg, which every payload begins with. */
export const nfnetlinkHeaderBytes = 4

/**
 * Writes struct nfgenmsg: address family, version 0, resource id.
 *
 * @param family AF_*; 0: unspecified
 * @param resource of nf_tables' batches: the subsystem
 */
export function writeNfnetlinkHeader(writer: NetlinkWriter, family: number, resource = 0): void {
  writer.uint8(family)
  writer.uint8(0)
  writer.uint16BE(resource)
}
