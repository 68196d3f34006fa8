import type { Lab } from '@portolan/lab'
import { sabotageRun as ebpf } from '../../dataplanes/ebpf/test/sabotage.ts'
import { sabotage as iptables } from '../../dataplanes/iptables/test/sabotage.ts'
import { sabotage as ipvs } from '../../dataplanes/ipvs/test/sabotage.ts'
import { sabotage as nftables } from '../../dataplanes/nftables/test/sabotage.ts'
import type { DataplaneName } from './scene.ts'

const ways = { nftables, iptables, ebpf, ipvs }

/** How many ways each has. */
export const damages: Readonly<Record<DataplaneName, number>> = {
  nftables: 10,
  iptables: 11,
  ebpf: 11,
  ipvs: 12,
}

/** Does to the kernel's state what another program might, in one of several ways. */
export async function damage(dataplane: DataplaneName, lab: Lab, way: number): Promise<void> {
  if (!(await ways[dataplane](lab.node.networkNamespace, way)))
    throw new Error(`${dataplane} has no way ${way} of being damaged`)
}
