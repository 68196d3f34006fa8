import type { ServicePort, ServiceRecord } from '../../cluster/records.ts'
import type { Cidr, IpFamily } from '../../network/address.ts'
import { sameFrontend, sameList } from '../same-route.ts'
import type { Endpoint, EndpointScope, Frontend, RouteKey, ServiceRoute } from '../service-route.ts'
import { arrangeEndpoints } from './arrange-endpoints.ts'
import { type EndpointSelection, hasAnyEndpoints, isLocal, type NodeTopology } from './endpoint-selection.ts'
import type { Destination } from './service-frontends.ts'
import type { MergedEndpoint } from './slice-cache.ts'
import { anyBalancesOver, verdictsFor } from './verdicts.ts'

export interface RouteFacts {
  readonly key: RouteKey
  /** The route as it is now: what stays the same is shared with it, and endpoints keep their places. */
  readonly before: ServiceRoute | undefined
  readonly service: ServiceRecord
  readonly port: ServicePort
  readonly family: IpFamily
  /** Those that no other Service has a better claim to. */
  readonly destinations: readonly Destination[]
  readonly selection: EndpointSelection
  readonly node: NodeTopology
  readonly allowedSources: readonly Cidr[] | undefined
  readonly detectsPods: boolean
  readonly masqueradeAll: boolean
}

const noEndpoints: readonly Endpoint[] = Object.freeze([])

/**
 * The route of one service port. The very same object as `before` when nothing changed; `undefined` for a port that
 * answers nowhere.
 */
export function buildRoute(facts: RouteFacts): ServiceRoute | undefined {
  const { before, service, port } = facts
  if (facts.destinations.length === 0) return undefined
  const frontends = buildFrontends(facts)
  const endpoints = buildEndpoints(facts, frontends)
  if (
    before !== undefined &&
    before.frontends === frontends &&
    before.endpoints === endpoints &&
    before.affinitySeconds === service.affinitySeconds
  ) {
    return before
  }
  return {
    key: facts.key,
    name: before?.name ?? (port.name === '' ? service.key : `${service.key}:${port.name}`),
    protocol: port.protocol,
    family: facts.family,
    endpoints,
    ...(service.affinitySeconds === undefined ? {} : { affinitySeconds: service.affinitySeconds }),
    frontends,
  }
}

function buildFrontends(facts: RouteFacts): readonly Frontend[] {
  const { service, selection } = facts
  const policies = { internal: service.internalTrafficPolicy, external: service.externalTrafficPolicy }
  const verdictFacts = {
    anywhere: hasAnyEndpoints(selection),
    here: selection.local.length > 0,
    detectsPods: facts.detectsPods,
    masqueradeAll: facts.masqueradeAll,
  }
  const frontends = facts.destinations.map(({ kind, address, port }): Frontend => {
    const guarded = kind === 'LoadBalancer' ? facts.allowedSources : undefined
    return {
      kind,
      ...(address === undefined ? {} : { address }),
      port,
      ...(guarded === undefined ? {} : { allowedSources: guarded }),
      verdicts: verdictsFor(kind, policies, verdictFacts),
    }
  })
  const before = facts.before?.frontends
  return before !== undefined && sameList(before, frontends, sameFrontend) ? before : frontends
}

function buildEndpoints(facts: RouteFacts, frontends: readonly Frontend[]): ServiceRoute['endpoints'] {
  const { before, selection, node } = facts
  const list = (name: EndpointScope): readonly Endpoint[] => {
    if (!anyBalancesOver(frontends, name)) return noEndpoints
    const endpoints = selection[name].map((candidate) => toEndpoint(candidate, node))
    return arrangeEndpoints(before?.endpoints[name] ?? noEndpoints, endpoints)
  }
  const cluster = list('cluster')
  const local = list('local')
  const same = before?.endpoints.cluster === cluster && before.endpoints.local === local
  return same ? before.endpoints : { cluster, local }
}

function toEndpoint(candidate: MergedEndpoint, node: NodeTopology): Endpoint {
  return {
    address: candidate.endpoint.address,
    port: candidate.port,
    local: isLocal(candidate, node),
  }
}
