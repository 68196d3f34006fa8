import type { IpFamily } from '@portolan/core'
import type { TableRules } from './iptables-rules.ts'
import { routingTable } from './marks.ts'
import { kernelName } from './sets.ts'

const chain = 'PORTOLAN-IPVS-HANDED-OVER'

/** A zone of connection tracking: any number that nobody else takes, so that of our routing table. */
const zone = routingTable

/**
 * What table raw has while another dataplane takes over. Connection tracking knows a flow of UDP that goes on by the entry
 * with which IPVS began it, so that no chain of type nat would be asked about it ever again. In a zone of its own the
 * client's next datagram begins a flow, which is the other dataplane's, while answers, which are in no zone, still find
 * the entry that they belong to.
 */
export function handoverRules(family: IpFamily): TableRules {
  const rule = `-p udp -m set --match-set ${kernelName(family, 'HANDED-OVER')} dst,dst -j CT --zone-orig ${zone}`
  return {
    table: 'raw',
    chains: new Map([[chain, [rule]]]),
    jumps: new Map(['PREROUTING', 'OUTPUT'].map((hook) => [hook, chain])),
  }
}
