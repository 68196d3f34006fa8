import { type Address, type Cidr, parseAddress, parseCidr } from '../network/address.ts'
import type { Parsed } from './parsed.ts'
import type { ProblemReport } from './problem-report.ts'
import { isRawObject, listField, objectField, type RawObject, readIdentity } from './raw-object.ts'
import type { NodeRecord } from './records.ts'
import { readLabels } from './well-known.ts'

/** The taint by which the cluster autoscaler marks a node before it removes the machine (SEMANTICS 11). */
const autoscalerTaint = 'ToBeDeletedByClusterAutoscaler'

/** The taint with which a node may be made, and that Portolan takes away when Services work there. */
export const startupTaint = 'portolan.dev/not-in-sync'

/** Reads a Node: what of it decides about traffic (zone, addresses, pod ranges), and whether it is about to go. */
export function parseNode(raw: unknown): Parsed<NodeRecord> {
  const { key, labels, metadata, report } = readIdentity('Node', raw, false)
  if (key === '' || !isRawObject(raw)) return { key, record: undefined, problems: report.problems }
  const taints = readTaints(raw, report)
  const leaving = readLeaving(metadata, taints, report)
  const record: NodeRecord = {
    kind: 'Node',
    key,
    zone: readZone(labels, report),
    addresses: readAddresses(raw, report),
    podCidrs: readPodCidrs(raw, report),
    ...(leaving === undefined ? {} : { leaving }),
    ...(taints.has(startupTaint) ? { startupTaint: true as const } : {}),
  }
  return { key, record, problems: report.problems }
}

function readZone(labels: RawObject, report: ProblemReport): string {
  const zone = labels[readLabels.zone] ?? ''
  if (typeof zone === 'string' && zone.length <= 63) return zone
  const fix = 'must be text of at most 63 characters; read as no zone'
  report.skipValue(`metadata.labels["${readLabels.zone}"]`, zone, fix)
  return ''
}

/** Their keys. */
function readTaints(raw: RawObject, report: ProblemReport): ReadonlySet<unknown> {
  const spec = isRawObject(raw.spec) ? raw.spec : {}
  const taints = listField(spec, 'taints', 'spec.taints', report)
  return new Set(taints.map((taint) => (isRawObject(taint) ? taint.key : undefined)))
}

function readLeaving(
  metadata: RawObject,
  taints: ReadonlySet<unknown>,
  report: ProblemReport,
): NodeRecord['leaving'] {
  const deleted = metadata.deletionTimestamp ?? ''
  if (typeof deleted !== 'string')
    report.skipValue('metadata.deletionTimestamp', deleted, 'must be a time; read as not deleted')
  else if (deleted !== '') return 'deletion'
  return taints.has(autoscalerTaint) ? 'autoscaler' : undefined
}

/** Internal addresses before external ones, because the first one of a family is the node's primary address. */
function readAddresses(raw: RawObject, report: ProblemReport): readonly Address[] {
  const status = objectField(raw, 'status', 'status', report)
  const internal = new Set<Address>()
  const external = new Set<Address>()
  for (const [index, entry] of listField(status, 'addresses', 'status.addresses', report).entries()) {
    if (!isRawObject(entry)) {
      report.skipValue(`status.addresses[${index}]`, entry, 'must be an object with a type and an address')
      continue
    }
    const { type, address: written } = entry
    if (type !== 'InternalIP' && type !== 'ExternalIP') continue
    const address = typeof written === 'string' ? parseAddress(written) : undefined
    if (address !== undefined) (type === 'InternalIP' ? internal : external).add(address)
    else report.skipValue(`status.addresses[${index}].address`, written, 'must be an IP address; left out')
  }
  return [...new Set([...internal, ...external])]
}

/** The single `podCIDR` of old objects counts when the list is missing. */
function readPodCidrs(raw: RawObject, report: ProblemReport): readonly Cidr[] {
  const spec = objectField(raw, 'spec', 'spec', report)
  const list = listField(spec, 'podCIDRs', 'spec.podCIDRs', report)
  const single = spec.podCIDR ?? ''
  const written = list.length > 0 ? list : single === '' ? [] : [single]
  const cidrs: Cidr[] = []
  for (const [index, value] of written.entries()) {
    const cidr = typeof value === 'string' ? parseCidr(value) : undefined
    if (cidr !== undefined) cidrs.push(cidr)
    else report.skipValue(`spec.podCIDRs[${index}]`, value, 'must be a CIDR, such as 10.244.1.0/24; left out')
  }
  return cidrs
}
