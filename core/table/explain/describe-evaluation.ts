import { isLocal, selectEndpoints } from '../builder/endpoint-selection.ts'
import { mergeSlices } from '../builder/slice-cache.ts'
import type { TableBuilder } from '../builder/table-builder.ts'
import type { Evaluation } from '../evaluate.ts'
import type { RouteKey } from '../service-route.ts'
import { type ClusterView, type Reason, unservedAt, whyNoEndpoints } from './absent-endpoints.ts'
import { explainReason, type ReasonFacts } from './reason.ts'

/**
 * Why a packet got its verdict, in words.
 *
 * @param evaluation of the builder's table
 * @param cluster what else is there, for reasons that lie beyond the table
 */
export function describeEvaluation(
  builder: TableBuilder,
  evaluation: Evaluation,
  cluster?: ClusterView,
): Reason {
  const facts = 'route' in evaluation ? factsOf(builder, evaluation.route.key, cluster) : undefined
  return explainReason(evaluation, builder.table, facts, (address) => unservedAt(address, cluster))
}

function factsOf(
  builder: TableBuilder,
  route: RouteKey,
  cluster: ClusterView | undefined,
): ReasonFacts | undefined {
  const origin = builder.originOf(route)
  if (origin === undefined) return undefined
  const { masqueradeAll, node, port, service, slices } = origin
  const merged = mergeSlices(slices, port.name, port.protocol)
  const ready = merged.filter(({ endpoint }) => endpoint.ready)
  const here = ready.filter((candidate) => isLocal(candidate, node)).length
  return {
    service,
    selection: selectEndpoints(merged, node),
    ready: { here, elsewhere: ready.length - here },
    nodeless: merged.length > 0 && merged.every(({ endpoint }) => endpoint.nodeName === ''),
    whyNone: () => whyNoEndpoints({ service, port, family: builder.family, slices, cluster }),
    zone: node.zone,
    masqueradeAll,
  }
}
