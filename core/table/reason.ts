import type { ServiceRecord } from '../cluster/records.ts'
import { cidrContains } from './address.ts'
import type { EndpointSelection } from './endpoint-selection.ts'
import type { Evaluation } from './evaluate.ts'
import type { RoutingTable } from './routing-table.ts'
import { frontendKey, type SourceClass } from './service-route.ts'

/** What the reason for a verdict needs to know beyond the table, which holds Kubernetes' rules no more. */
export interface ReasonFacts {
  readonly service: ServiceRecord
  readonly selection: EndpointSelection
  /** Ready endpoints on this node and on others. */
  readonly ready: { readonly here: number; readonly elsewhere: number }
  /** Endpoints that aren't ready. */
  readonly unusable: number
  readonly zone: string
  readonly masqueradeAll: boolean
}

/**
 * Why a packet gets its verdict, in words, for `portolan explain`. One line, from the rule that applies to what comes
 * of it. `facts` are those of the route, where there is one.
 */
export function explainReason(
  evaluation: Evaluation,
  table: RoutingTable,
  facts: ReasonFacts | undefined,
): string {
  if (evaluation.verdict === 'none') return noneReason(evaluation, table)
  if (evaluation.verdict === 'balance') {
    return facts === undefined ? 'balanced' : balanceReason(evaluation, table, facts)
  }
  const { because, packet } = evaluation
  const outcome = evaluation.verdict === 'reject' ? 'rejected' : 'dropped'
  switch (because) {
    case 'otherPort':
      return `${packet.destination} is the ClusterIP of a Service without ${packet.protocol} port ${packet.port}: ${outcome}`
    case 'unallocated': {
      const range = [...table.serviceCidrs].find((cidr) => cidrContains(cidr, packet.destination))
      return `${packet.destination} is in the ClusterIP range ${range ?? ''} and no Service has it: ${outcome}`
    }
    case 'allowedSources':
      return `${packet.source} is in none of loadBalancerSourceRanges (${listed(evaluation.frontend.allowedSources ?? [])}): ${outcome} before any endpoint is looked at`
    case 'verdict':
      return facts === undefined ? outcome : refusalReason(evaluation, facts, outcome)
  }
}

type Balance = Extract<Evaluation, { verdict: 'balance' }>
type Refusal = Extract<Evaluation, { because: 'verdict' | 'allowedSources' }>

function balanceReason(evaluation: Balance, table: RoutingTable, facts: ReasonFacts): string {
  const { frontend, packet, route } = evaluation
  const parts = [
    `${policyPart(evaluation, facts)}: ${choicePart(evaluation, facts)}`,
    ...(frontend.allowedSources === undefined ? [] : ['the source is in loadBalancerSourceRanges']),
    masqueradePart(evaluation, table, facts),
  ]
  const isOwnEndpoint = evaluation.endpoints.some(({ address }) => address === packet.source)
  if (isOwnEndpoint && !evaluation.masquerade) {
    parts.push('masqueraded all the same when it gets itself (hairpin)')
  }
  if (route.affinitySeconds !== undefined) {
    parts.push(`a client keeps its endpoint for ${route.affinitySeconds} s after its last connection`)
  }
  return parts.join('; ')
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
    const blind = evaluation.sourceClass !== 'pod' && evaluation.frontend.kind === 'ClusterIP'
    return blind && table.podSource.by === 'none'
      ? 'the source address is kept, since pods cannot be told from others here (no detectLocal)'
      : 'the source address is kept'
  }
  if (evaluation.frontend.kind !== 'ClusterIP')
    return 'masqueraded, so that answers come back through this node'
  return facts.masqueradeAll
    ? 'masqueraded (masqueradeAll)'
    : 'masqueraded, since the source is no local pod and answers must come back through this node'
}

function refusalReason(evaluation: Refusal, facts: ReasonFacts, outcome: string): string {
  if (evaluation.verdict === 'reject') {
    const unready = facts.unusable === 0 ? 'there is no endpoint' : `${endpoints(facts.unusable)}, none ready`
    return `nothing serves ${evaluation.route.name} anywhere (${unready}): ${outcome}`
  }
  const elsewhere = facts.selection.cluster.length
  const terminating = facts.selection.clusterIsTerminating ? ' (terminating)' : ''
  const count = facts.selection.clusterIsTerminating ? elsewhere : facts.ready.elsewhere
  return `${policyPart(evaluation, facts)}: only endpoints on this node; none is ready, ${count} elsewhere${terminating}: ${outcome}`
}

function noneReason(evaluation: Evaluation, table: RoutingTable): string {
  const { destination, protocol, port } = evaluation.packet
  const hasNodePort = table.frontends.has(frontendKey(undefined, protocol, port))
  if (hasNodePort && table.localAddresses.has(destination)) {
    const answering = [...table.nodePortAddresses]
    const where = answering.length === 0 ? 'at no address of this node' : `at ${listed(answering)} only`
    return `NodePort ${port}/${protocol} answers ${where} (nodePortAddresses): not touched`
  }
  if (table.clusterIPs.has(destination)) {
    return `no Service answers at ${destination} ${protocol} port ${port}, and the ClusterIP is an address of this node itself: not touched`
  }
  return `no Service answers at ${destination} ${protocol} port ${port}, and it is no ClusterIP: not touched`
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
