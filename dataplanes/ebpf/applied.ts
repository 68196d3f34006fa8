import type { Address, ApplyReport, IpFamily, RoutingTable } from '@portolan/core'
import { type Lab, network } from '@portolan/lab'
import type { EbpfDataplane } from './ebpf-dataplane.ts'
import labDataplane from './lab-dataplane.ts'

/** For this package's tests: what the core does at a start and at an audit, by hand. */

/** Addresses of a lab's node. */
export const nodeAddresses = new Set(
  [network.IPv4.node.uplink, network.IPv4.node.remote, network.IPv4.node.internet].map(
    (one) => one as Address,
  ),
)

/** A dataplane at work on a lab's node. */
export async function applied(
  lab: Lab,
  wanted: RoutingTable,
  settings: Record<string, string> = {},
): Promise<{ readonly dataplane: EbpfDataplane; readonly report: ApplyReport }> {
  const { networkNamespace } = lab.node
  const dataplane = labDataplane({ masqueradeBit: 14, networkNamespace, settings }) as EbpfDataplane
  await dataplane.start()
  return { dataplane, report: await reconciled(dataplane, wanted) }
}

/** Everything compared, and what differs written. */
export async function reconciled(
  dataplane: EbpfDataplane,
  wanted: RoutingTable,
  family: IpFamily = 'IPv4',
): Promise<ApplyReport> {
  return dataplane.apply(dataplane.reconcile(await dataplane.observe(family), wanted))
}
