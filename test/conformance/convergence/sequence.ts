import type { IpFamily } from '@portolan/core'
import type { NodeRecord, ServiceCidrRecord, ServiceRecord, SliceRecord } from '@portolan/core/cluster'

/** A cluster's history on one node, as plain data: what {@link play} plays, shrinks and prints. */
export interface Sequence {
  readonly node: NodeSetup
  readonly steps: readonly Step[]
}

/** What the operator has configured; fixed while the node runs. */
export interface NodeSetup {
  readonly families: readonly IpFamily[]
  readonly detector: 'none' | 'cidr' | 'interface' | 'interfacePrefix'
  readonly masqueradeAll: boolean
  readonly nodePortAddresses: 'primary' | 'all'
  /** Those of the node from the start on; absent: none, until a step says so. */
  readonly localAddresses?: readonly string[]
}

export type Step =
  | { readonly do: 'set'; readonly record: ServiceRecord | SliceRecord | NodeRecord | ServiceCidrRecord }
  | {
      readonly do: 'remove'
      readonly kind: 'Service' | 'EndpointSlice' | 'ServiceCIDR'
      readonly key: string
    }
  | { readonly do: 'local-addresses'; readonly addresses: readonly string[] }
  /** What changed since the last one is compiled and applied; after a failure the kernel is observed and reconciled. */
  | { readonly do: 'sync'; readonly families: readonly IpFamily[]; readonly fault?: Fault }
  /** The process ends, and another one starts with all objects listed anew, in another order. */
  | { readonly do: 'restart'; readonly fault?: Fault }
  /** The kernel is observed and reconciled without a reason, as by an audit. */
  | { readonly do: 'audit' }
  /** Time passes: what waits for it (connections that drain) may go on. */
  | { readonly do: 'wait' }

/**
 * What goes wrong while one program is applied. A call is whatever the dataplane has the kernel do at once: a
 * transaction, a batch, one element.
 */
export interface Fault {
  /** Calls that succeed first. */
  readonly after: number
  /** Calls that fail then. Infinity: all, so that taking back what was done fails as well. */
  readonly calls: number
  /** `lost`: the call does its work, and only its answer is lost. */
  readonly how: 'refused' | 'lost'
}

/** The sequence as lines to read, one for each step. */
export function sequenceText({ node, steps }: Sequence): string {
  return [`node ${JSON.stringify(node)}`, ...steps.map((step) => stepText(step))].join('\n')
}

function stepText(step: Step): string {
  switch (step.do) {
    case 'set':
      return `set ${recordText(step.record)}`
    case 'remove':
      return `remove ${step.kind} ${step.key}`
    case 'local-addresses':
      return `the node's interfaces have ${step.addresses.join(' ') || 'no address'}`
    case 'sync':
      return `sync ${step.families.join(' and ')}${faultText(step.fault)}`
    case 'restart':
      return `restart${faultText(step.fault)}`
    default:
      return step.do
  }
}

function faultText(fault: Fault | undefined): string {
  if (fault === undefined) return ''
  const { after, calls, how } = fault
  const which = calls === 1 ? `call ${after + 1}` : `${calls} calls from call ${after + 1} on`
  return `, with ${which} ${how === 'lost' ? 'done but the answer lost' : 'refused'}`
}

function recordText(record: Extract<Step, { do: 'set' }>['record']): string {
  const { kind, key, ...rest } = record
  const told = Object.entries(rest).filter(
    ([, value]) => !(Array.isArray(value) && value.length === 0) && value !== 0,
  )
  return `${kind} ${key} ${JSON.stringify(Object.fromEntries(told))}`
}
