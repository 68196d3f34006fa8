import { dumpInBackground } from '../netlink/background-dump.ts'
import { NetlinkWriter } from '../netlink/netlink-writer.ts'
import { isTranslatedConnection, writeTranslatedFlowDump } from './conntrack-messages.ts'
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
export async function countTranslatedConnections(
  family: IpFamily,
  networkNamespace: string | undefined,
): Promise<number> {
  const request = new NetlinkWriter()
  writeTranslatedFlowDump(request, family)
  let count = 0
  await dumpInBackground(
    request.bytes,
    (datagram, start, end) => {
      if (isTranslatedConnection(datagram, start, end)) count++
    },
    {
      protocol: netlinkNetfilter,
      sendBufferBytes: 4096,
      doing: `list ${family} connections that are translated`,
      ...(networkNamespace === undefined ? {} : { networkNamespace }),
    },
  )
  return count
}
