import type { ClusterRecord } from '../../cluster/records.ts'
import type { RecordRewriter } from './record-rewriter.ts'
import { ScrambledAddresses } from './scrambled-addresses.ts'

/**
 * Records with other addresses, and all else as it is: a bijection that keeps prefixes.
 *
 * @param key 32 bytes; the same ones give the same addresses
 */
export function readdressedRecords(key: Buffer): RecordRewriter {
  const addresses = new ScrambledAddresses(key)
  return { rewrite: (record) => readdressed(record, addresses), rewriteKey: (_kind, key) => key }
}

/** The record with other addresses. */
export function readdressed<R extends ClusterRecord>(record: R, addresses: ScrambledAddresses): R
export function readdressed(record: ClusterRecord, addresses: ScrambledAddresses): ClusterRecord {
  switch (record.kind) {
    case 'Service':
      return {
        ...record,
        clusterIPs: record.clusterIPs.map((address) => addresses.address(address)),
        externalIPs: record.externalIPs.map((address) => addresses.address(address)),
        loadBalancerIPs: record.loadBalancerIPs.map((address) => addresses.address(address)),
        sourceRanges: record.sourceRanges.map((range) => addresses.cidr(range)),
      }
    case 'EndpointSlice':
      return {
        ...record,
        endpoints: record.endpoints.map((endpoint) => ({
          ...endpoint,
          address: addresses.address(endpoint.address),
        })),
      }
    case 'Node':
      return {
        ...record,
        addresses: record.addresses.map((address) => addresses.address(address)),
        podCidrs: record.podCidrs.map((range) => addresses.cidr(range)),
      }
    case 'ServiceCIDR':
      return { ...record, cidrs: record.cidrs.map((range) => addresses.cidr(range)) }
  }
}
