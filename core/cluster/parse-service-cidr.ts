import { type Cidr, parseCidr } from '../network/address.ts'
import type { Parsed } from './parsed.ts'
import { isRawObject, listField, objectField, readIdentity } from './raw-object.ts'
import type { ServiceCidrRecord } from './records.ts'

/** Reads a ServiceCIDR: the ranges that ClusterIPs come from. */
export function parseServiceCidr(raw: unknown): Parsed<ServiceCidrRecord> {
  const { key, report } = readIdentity('ServiceCIDR', raw, false)
  if (key === '' || !isRawObject(raw)) return { key, record: undefined, problems: report.problems }
  const spec = objectField(raw, 'spec', 'spec', report)
  const cidrs = new Set<Cidr>()
  for (const [index, value] of listField(spec, 'cidrs', 'spec.cidrs', report).entries()) {
    const cidr = typeof value === 'string' ? parseCidr(value) : undefined
    // All traffic to an unallocated ClusterIP is dropped, so a range of everything would cut the node off.
    if (cidr === undefined || cidr.endsWith('/0')) {
      report.skipValue(`spec.cidrs[${index}]`, value, 'must be a CIDR narrower than /0; left out')
    } else {
      cidrs.add(cidr)
    }
  }
  return { key, record: { kind: 'ServiceCIDR', key, cidrs: [...cidrs] }, problems: report.problems }
}
