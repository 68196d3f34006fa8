import { cidrContains, parseCidr } from '@portolan/core'
import type { ClusterRecord, ServiceRecord } from '@portolan/core/cluster'
import { plainRecords, type RecordRewriter, readdressedRecords } from '@portolan/core/source'
import { families, network } from '@portolan/lab'
import { probeServices } from '../cluster/probe-services.ts'

/** Addresses that mean something in the lab, or that its probes ask: no recorded Service may have them. */
const labCidrs = [
  ...families.flatMap((family) => network[family].labCidrs),
  ...Object.values(probeServices).map(({ clusterIP }) => `${clusterIP}/32`),
  '10.95.2.0/24',
].flatMap((text) => parseCidr(text) ?? [])

export function isInLab(record: ClusterRecord): record is ServiceRecord {
  if (record.kind !== 'Service') return false
  const addresses = [...record.clusterIPs, ...record.externalIPs, ...record.loadBalancerIPs]
  return addresses.some((address) => labCidrs.some((cidr) => cidrContains(cidr, address)))
}

/** In as many ways addresses are moved, until no Service is in the lab's way. */
const maxMoves = 20

/**
 * Other addresses for a recorded cluster, if it has some of the lab's: as few of its Services as can be are at those then.
 * Who is in whose range stays as it is, and the same cluster always gets the same ones.
 */
export function apartFromLab(records: readonly ClusterRecord[]): RecordRewriter {
  const inLab = ({ rewrite }: RecordRewriter) => records.filter((record) => isInLab(rewrite(record))).length
  let best = { rewriter: plainRecords, inLab: inLab(plainRecords) }
  for (let move = 1; best.inLab > 0 && move <= maxMoves; move++) {
    const rewriter = readdressedRecords(Buffer.alloc(32, move))
    const left = inLab(rewriter)
    if (left < best.inLab) best = { rewriter, inLab: left }
  }
  return best.rewriter
}
