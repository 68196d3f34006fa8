import type { NodeRecord } from '../cluster/records.ts'
import {
  type Address,
  addressBytes,
  type Cidr,
  cidrContains,
  familyOf,
  formatBytes,
  parseAddress,
  splitCidr,
} from '../network/address.ts'
import { isLoopback } from '../network/special-addresses.ts'
import type { Packet } from '../table/evaluate.ts'
import type { Reason } from '../table/explain/absent-endpoints.ts'
import { detectorFix } from '../table/explain/reason.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { invalid, QuestionError } from './question-error.ts'

/** Who opens the connection, as the operator names it. */
export type Client = 'pod' | 'node' | 'outside' | Address

/** Where a packet comes from, and what was assumed to say so. */
export interface PacketSource {
  readonly packet: Pick<Packet, 'source' | 'sourceClass' | 'inputInterface'>
  /** For the reason, when what the operator asked is not what this node sees. */
  readonly note?: Reason
}

/** @throws {QuestionError} for anything but `pod`, `node`, `outside` or an IP address. */
export function parseClient(text: string): Client {
  const word = text.toLowerCase()
  if (word === 'pod' || word === 'node' || word === 'outside') return word
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'))
  if (address === undefined) {
    throw invalid(`from '${text}': not a source`, 'one of pod, node, outside, or an IP address')
  }
  return address
}

/** Addresses for documentation (RFC 5737, RFC 3849), which no cluster has. */
const strangers = ['203.0.113.254', '198.51.100.254', '192.0.2.254', '2001:db8:ffff::fe'].flatMap(
  (text) => parseAddress(text) ?? [],
)

/**
 * A packet's source that stands for the client. A pod is one of this node: an endpoint, or else any address of the
 * pods' range.
 *
 * @throws {QuestionError} when this node knows no such source in the table's family.
 */
export function packetSource(
  client: Client,
  table: RoutingTable,
  node: NodeRecord | undefined,
): PacketSource {
  switch (client) {
    case 'pod':
      return asPod(podAddress(table, node), table)
    case 'node':
      return { packet: { source: ownAddress(table), sourceClass: 'node' } }
    case 'outside':
      return { packet: { source: stranger(table), sourceClass: 'outside' } }
    default:
      return fromAddress(client, table, node)
  }
}

function fromAddress(source: Address, table: RoutingTable, node: NodeRecord | undefined): PacketSource {
  if (familyOf(source) !== table.family) {
    throw invalid(`from '${source}': the destination is ${table.family}`, 'name an address of that family')
  }
  return isPodOf(source, table, node) ? asPod(source, table) : { packet: { source } }
}

/** Whether a pod of this node has the address, as far as can be told without seeing its interface. */
function isPodOf(source: Address, table: RoutingTable, node: NodeRecord | undefined): boolean {
  if (table.localAddresses.has(source)) return false
  return (
    table.hairpinAddresses.has(source) || (node?.podCidrs.some((cidr) => cidrContains(cidr, source)) ?? false)
  )
}

/** A packet as a local pod sends it; whether this node can tell is the table's business. */
function asPod(source: Address, { podSource }: RoutingTable): PacketSource {
  switch (podSource.by) {
    case 'none': {
      const text = 'a pod is treated as from outside, since nothing tells pods from other sources here'
      const note = { text, fix: detectorFix }
      return { packet: { source, sourceClass: 'outside' }, note }
    }
    case 'cidr': {
      if (cidrContains(podSource.cidr, source)) return { packet: { source, sourceClass: 'pod' } }
      const note = {
        text: `${source} is not in the pods' range ${podSource.cidr}, so it is treated as from outside`,
        fix: 'set clusterCIDR (--cluster-cidr) to the range that the pods really have',
      }
      return { packet: { source, sourceClass: 'outside' }, note }
    }
    case 'interface':
      return { packet: { source, sourceClass: 'pod', inputInterface: podSource.name } }
    case 'interfacePrefix':
      return { packet: { source, sourceClass: 'pod', inputInterface: `${podSource.prefix}0` } }
  }
}

function podAddress(table: RoutingTable, node: NodeRecord | undefined): Address {
  const { family, hairpinAddresses, podSource } = table
  const ranges = [
    ...(node?.podCidrs.filter((cidr) => familyOf(cidr) === family) ?? []),
    ...(podSource.by === 'cidr' ? [podSource.cidr] : []),
  ]
  const inRange = [...hairpinAddresses].find(
    (address) => podSource.by !== 'cidr' || cidrContains(podSource.cidr, address),
  )
  // No endpoint, because one that is its own client would be a special case (hairpin).
  const address =
    ranges.map(lastAddress).find((one) => !hairpinAddresses.has(one)) ?? inRange ?? stranger(table)
  return address
}

/** The last address of a range but one, which is hardly ever given out first. */
function lastAddress(cidr: Cidr): Address {
  const { address, prefixLength } = splitCidr(cidr)
  const bytes = addressBytes(address)
  const last = bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixLength - index * 8))
    return byte | (0xff >> bits)
  })
  const end = last.length - 1
  if (prefixLength < bytes.length * 8 - 1) last[end] = (last[end] ?? 0) - 1
  return formatBytes(last)
}

function ownAddress({ family, localAddresses, nodePortAddresses }: RoutingTable): Address {
  const address = [...nodePortAddresses, ...localAddresses].find((one) => !isLoopback(one))
  if (address === undefined) {
    throw new QuestionError('QUESTION_UNANSWERABLE', `this node has no ${family} address`, nodeAddressFix)
  }
  return address
}

function stranger({ family, podSource, serviceCidrs }: RoutingTable): Address {
  const candidates = strangers.filter((address) => familyOf(address) === family)
  const taken = [...serviceCidrs, ...(podSource.by === 'cidr' ? [podSource.cidr] : [])]
  const free = candidates.find((address) => !taken.some((cidr) => cidrContains(cidr, address)))
  if (free === undefined) {
    throw invalid(
      'from outside: every address belongs to pods or Services here',
      'name an IP address instead',
    )
  }
  return free
}

/** What to do when the node's addresses are unknown. */
export const nodeAddressFix =
  'give its Node object in the source, choose it with --node, or set bindAddress (--bind-address)'
