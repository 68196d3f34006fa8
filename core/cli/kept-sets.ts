import type { TableBuilder } from '../table/builder/table-builder.ts'

/** For each set of the table that is unknown and has something in it all the same: what stays, why, and what to do. */
export function keptSets({ table, unknownSets }: TableBuilder, nodeName: string): string[] {
  const lines: string[] = []
  const { nodePortAddresses, serviceCidrs } = table
  if (unknownSets.includes('nodePortAddresses') && nodePortAddresses.size > 0) {
    lines.push(
      `there is no Node object ${nodeName} with an address, so NodePorts stay at ${[...nodePortAddresses].join(', ')}, ` +
        'where the kernel has them, and hints for zones are not followed, until there is one: check why it is missing, or ' +
        'set bindAddress (without a file, --bind-address)',
    )
  }
  if (unknownSets.includes('serviceCidrs') && serviceCidrs.size > 0) {
    lines.push(
      `ServiceCIDRs can't be read, so unallocated addresses of ${[...serviceCidrs].join(', ')} stay dropped, as the kernel ` +
        'has it, until they can: grant list and watch on servicecidrs.networking.k8s.io',
    )
  }
  return lines
}
