import type { IpFamily } from '@portolan/core'

/**
 * The element-only layout: one table per IP family in which no Service has a chain or a rule of its own, so that a
 * change costs a few set elements whatever the size of the cluster. docs/nftables-layout.md draws it.
 *
 * A packet's first lookup gives a number, kept in the packet's priority (`meta priority`), by which static chains
 * decide what comes next. The priority is the one 32-bit place that nft can both fill from a map and look up in
 * another, that no other tool keeps state in, and that forwarding sets anew; only first packets of connections
 * come here at all. A verdict map by Service would need no number, but each new element of one makes the kernel
 * check the whole table again (0.7 ms at 10,000 Services, 14 ms at 100,000).
 */

export const tableName = 'portolan'

/**
 * Where a packet is rejected: a TCP client gets a reset. One on this machine would get an ICMP error while its own
 * connect() still holds the socket: Linux keeps the error for later then, and the client learns of it when its SYN is sent
 * again after a second. And of ICMP errors Linux sends a client only some in a second. (`reject` is a word of nft's.)
 */
export const rejectChain = 'refuse'

/** Raised when chains or sets change their meaning, so that an older table is replaced in one transaction. */
export const layoutVersion = 1

/** A virtual IP is (address, protocol, port); a NodePort is (protocol, port) at any of the node's addresses. */
export type Place = 'vip' | 'nodeport'

export const places: readonly Place[] = ['vip', 'nodeport']

/** nft's name of a family. */
export function nftFamily(family: IpFamily): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6'
}
