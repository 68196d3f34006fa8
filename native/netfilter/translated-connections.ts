import { dumpInBackground } from '../netlink/background-dump.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'
import { FlowView, isOpenConnection, writeFlowDump } from './conntrack-messages.ts'
import type { IpFamily } from './family.ts'
import { netlinkNetfilter } from './nfnetlink.ts'

/**
 * How many open connections connection tracking remembers whose destination it translates, by whose rules ever. Flows of UDP,
 * which have no end, are none.
 *
 * @param networkNamespace as a path; absent: the process's own
 * @throws SystemCallError EPERM: needs CAP_NET_ADMIN
 * @throws NetlinkProtocolError
 */
export function countTranslatedConnections(
  family: IpFamily,
  networkNamespace: string | undefined,
): Promise<number> {
  return count(family, networkNamespace, true, (datagram, start, end) =>
    isOpenConnection(datagram, start, end, true),
  )
}

/**
 * The same of those that IPVS translates: it has told connection tracking whose answer comes, and nothing of it is the NAT's.
 */
export function countConnectionsOfIpvs(
  family: IpFamily,
  networkNamespace: string | undefined,
): Promise<number> {
  const flow = new FlowView(family)
  return count(
    family,
    networkNamespace,
    false,
    (datagram, start, end) =>
      flow.read(datagram, start, end) &&
      flow.destination !== flow.replySource &&
      isOpenConnection(datagram, start, end, false),
  )
}

async function count(
  family: IpFamily,
  networkNamespace: string | undefined,
  isTranslated: boolean,
  isOne: (datagram: Buffer, start: number, end: number) => boolean,
): Promise<number> {
  const request = new NetlinkWriter()
  writeFlowDump(request, family, isTranslated)
  let found = 0
  await dumpInBackground(
    request.bytes,
    (datagram, start, end) => {
      if (isOne(datagram, start, end)) found++
    },
    {
      protocol: netlinkNetfilter,
      sendBufferBytes: 4096,
      doing: `list ${family} connections that are translated`,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    },
  )
  return found
}
