import type { ServiceRecord } from '../../cluster/records.ts'
import { type Address, cidrContains } from '../../network/address.ts'
import { isLoopback } from '../../network/special-addresses.ts'
import type { EndpointSelection } from '../builder/endpoint-selection.ts'
import type { Evaluation } from '../evaluate.ts'
import { masqueradedEndpoints } from '../hairpin.ts'
import type { RoutingTable } from '../routing-table.ts'
import { frontendKey, type SourceClass } from '../service-route.ts'
import type { Reason } from './absent-endpoints.ts'

/** What the reason for a verdict needs to know beyond the table, which holds Kubernetes' rules no more. */
export interface ReasonFacts {
  readonly service: ServiceRecord
  readonly selection: EndpointSelection
  /** Ready endpoints on this node and on others. */
  readonly ready: { readonly here: number; readonly elsewhere: number }
  /** Whether there are endpoints and no slice says of any on which node it is. */
  readonly nodeless: boolean
  /** Why no endpoint serves; asked where none does. */
  readonly whyNone: () => Reason
  readonly zone: string
  readonly masqueradeAll: boolean
}

/**
 * Why a packet gets its verdict, in words, for `portolan explain`, from the rule that applies to what comes of it; and
 * what to do where that is hardly intended. `facts` are those of the route, where there is one.
 * `unservedAt` gives why an address that a Service has serves no clients: another Service has it, for one.
 */
export function explainReason(
  evaluation: Evaluation,
  table: RoutingTable,
  facts: ReasonFacts | undefined,
  unservedAt: (address: Address) => Reason | undefined = () => undefined,
): Reason {
  if (evaluation.verdict === 'none') {
    const unserved = unservedAt(evaluation.packet.destination)
    return unserved === undefined
      ? { text: noneReason(evaluation, table) }
      : { ...unserved, text: `${unserved.text}: not touched` }
  }
  if (evaluation.verdict === 'balance') {
    return facts === undefined ? { text: 'balanced' } : balanceReason(evaluation, table, facts)
  }
  const { because, packet } = evaluation
  const outcome = evaluation.verdict === 'reject' ? 'rejected' : 'dropped'
  switch (because) {
    case 'otherPort': {
      const ports = portsAt(table, packet.destination)
      return {
        text: `${packet.destination} is the ClusterIP of a Service without ${packet.protocol} port ${packet.port}${ports}: ${outcome}`,
      }
    }
    case 'unallocated': {
      const range = [...table.serviceCidrs].find((cidr) => cidrContains(cidr, packet.destination))
      const within = `${packet.destination} is in the ClusterIP range ${range ?? ''}`
      const unserved = unservedAt(packet.destination)
      if (unserved === undefined) return { text: `${within} and no Service has it: ${outcome}` }
      return { ...unserved, text: `${within}; ${unserved.text}: ${outcome}` }
    }
    case 'allowedSources':
      return {
        text: `${packet.source} is in none of loadBalancerSourceRanges (${listed(evaluation.frontend.allowedSources ?? [])}): ${outcome} before any endpoint is looked at`,
      }
    case 'verdict':
      return facts === undefined ? { text: outcome } : refusalReason(evaluation, facts, outcome)
  }
}

/** The ports that answer at the address, for a message about one that does not. */
function portsAt(table: RoutingTable, address: Address): string {
  const ports = [...table.frontends].flatMap(([key, route]) => {
    const [at, protocol, port] = key.split('|')
    return at === address ? [`${protocol} port ${port} of ${table.routes.get(route)?.name ?? route}`] : []
  })
  return ports.length === 0 ? '' : ` (there is ${listed(ports)})`
}

type Balance = Extract<Evaluation, { verdict: 'balance' }>
type Refusal = Extract<Evaluation, { because: 'verdict' | 'allowedSources' }>

function balanceReason(evaluation: Balance, table: RoutingTable, facts: ReasonFacts): Reason {
  const { endpoints: balanced, frontend, route } = evaluation
  const blind = isBlind(evaluation, table)
  const parts = [
    `${policyPart(evaluation, facts)}: ${choicePart(evaluation, facts)}`,
    ...(frontend.allowedSources === undefined ? [] : ['the source is in loadBalancerSourceRanges']),
    masqueradePart(evaluation, table, facts),
  ]
  const hairpins = evaluation.masquerade ? 0 : masqueradedEndpoints(evaluation, table).length
  if (hairpins > 0) {
    // The only endpoint there is leaves no other case.
    if (hairpins === balanced.length) parts.pop()
    parts.push(
      hairpins === balanced.length
        ? 'masqueraded, since the endpoint is the client itself (hairpin)'
        : 'masqueraded anyway when it reaches itself (hairpin)',
    )
  }
  if (route.affinitySeconds !== undefined) {
    parts.push(`a client keeps its endpoint for ${route.affinitySeconds} s after its last connection`)
  }
  return { text: parts.join('; '), ...(blind ? { fix: detectorFix } : {}) }
}

/** What makes pods known from other sources. */
export const detectorFix =
  'set clusterCIDR (--cluster-cidr), or another detectLocalMode (--detect-local-mode), as run has it on the node'

/** Whether the verdict would be another one, could this node tell pods from others. */
function isBlind({ frontend, masquerade, sourceClass }: Balance, table: RoutingTable): boolean {
  return (
    !masquerade && frontend.kind === 'ClusterIP' && sourceClass !== 'pod' && table.podSource.by === 'none'
  )
}

/** Which policy speaks, and to whom where that makes a difference. */
function policyPart(evaluation: Balance | Refusal, { service }: ReasonFacts): string {
  if (evaluation.frontend.kind === 'ClusterIP') {
    return `internalTrafficPolicy ${service.internalTrafficPolicy}`
  }
  const policy = `externalTrafficPolicy ${service.externalTrafficPolicy}`
  return service.externalTrafficPolicy === 'Cluster'
    ? policy
    : `${policy} and the source is ${sourceNames[evaluation.sourceClass]}`
}

const sourceNames: Readonly<Record<SourceClass, string>> = {
  pod: 'a local pod',
  node: 'this node',
  outside: 'outside',
}

function choicePart(evaluation: Balance, facts: ReasonFacts): string {
  const { here, elsewhere } = facts.ready
  const count = evaluation.endpoints.length
  if (evaluation.over === 'local') {
    const rule = 'only endpoints on this node'
    return facts.selection.localIsTerminating
      ? `${rule}; none is ready, ${count} still ${serve(count)} while terminating`
      : `${rule}; ${here} ready here, ${elsewhere} elsewhere`
  }
  if (facts.selection.clusterIsTerminating) {
    return `any endpoint; none is ready, ${count} still ${serve(count)} while terminating`
  }
  switch (facts.selection.topology) {
    case 'none':
      return `any of ${endpoints(count, 'ready')}`
    case 'node':
      return `${count} of ${endpoints(here + elsewhere, 'ready')}, by the node hints`
    case 'zone':
      return `${count} of ${endpoints(here + elsewhere, 'ready')}, by the hints for zone ${facts.zone}`
  }
}

function masqueradePart(evaluation: Balance, table: RoutingTable, facts: ReasonFacts): string {
  if (!evaluation.masquerade) {
    return isBlind(evaluation, table)
      ? 'the source address is kept, since nothing tells pods from other sources here'
      : 'the source address is kept'
  }
  if (evaluation.frontend.kind !== 'ClusterIP')
    return 'masqueraded, so that answers come back through this node'
  return facts.masqueradeAll
    ? 'masqueraded (masqueradeAll)'
    : 'masqueraded, since the source is no local pod and answers must come back through this node'
}

function refusalReason(evaluation: Refusal, facts: ReasonFacts, outcome: string): Reason {
  if (evaluation.verdict === 'reject') {
    const { text, ...fix } = facts.whyNone()
    return { text: `nothing serves ${evaluation.route.name} anywhere (${text}): ${outcome}`, ...fix }
  }
  const elsewhere = facts.selection.cluster.length
  const terminating = facts.selection.clusterIsTerminating ? ' (terminating)' : ''
  const count = facts.selection.clusterIsTerminating ? elsewhere : facts.ready.elsewhere
  return {
    text: `${policyPart(evaluation, facts)}: only endpoints on this node; none is ready, ${count} elsewhere${terminating}: ${outcome}`,
    // A slice by a controller names the node of every pod; one by hand seldom does.
    ...(facts.nodeless
      ? {
          fix: 'no EndpointSlice says on which node its endpoints are, so none is local anywhere: endpoints[].nodeName',
        }
      : {}),
  }
}

function noneReason(evaluation: Evaluation, table: RoutingTable): string {
  const { destination, protocol, port } = evaluation.packet
  const hasNodePort = table.frontends.has(frontendKey(undefined, protocol, port))
  if (hasNodePort && isLoopback(destination)) {
    const nodePort = `NodePort ${port}/${protocol}`
    return table.nodePortAddresses.has(destination)
      ? `${nodePort} answers at ${destination} for processes of the node only: not touched`
      : `${nodePort} does not answer at ${destination} in the kernel: not touched (with localhost in nodePortAddresses Portolan itself forwards TCP there)`
  }
  if (hasNodePort && table.localAddresses.has(destination)) {
    const answering = [...table.nodePortAddresses]
    const where = answering.length === 0 ? 'at no address of this node' : `at ${listed(answering)} only`
    return `NodePort ${port}/${protocol} answers ${where} (nodePortAddresses): not touched`
  }
  if (table.clusterIPs.has(destination)) {
    return `no Service answers at ${destination} ${protocol} port ${port}, and the ClusterIP is an address of this node itself: not touched`
  }
  const ports = portsAt(table, destination)
  return `no Service answers at ${destination} ${protocol} port ${port}${ports}, and it is no ClusterIP: not touched`
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, 5).join(', ')
  return values.length > 5 ? `${shown} and ${values.length - 5} more` : shown
}

function endpoints(count: number, adjective = ''): string {
  return `${count} ${adjective}${adjective === '' ? '' : ' '}endpoint${count === 1 ? '' : 's'}`
}

function serve(count: number): string {
  return count === 1 ? 'serves' : 'serve'
}
