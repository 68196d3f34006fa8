import type { Frontend, RoutingTable, ServiceRoute, Verdict } from '@portolan/core'
import { type VerdictFacts, verdictsFor } from '@portolan/core/table'

/**
 * What a dataplane's declarations can depend on: each combination that Kubernetes' rules allow has a name, so that it can
 * be counted which of them random clusters have come to.
 */

const kinds = ['ClusterIP', 'ExternalIP', 'LoadBalancer', 'NodePort'] as const
const protocols = ['TCP', 'UDP', 'SCTP'] as const
const stickiness = ['', ' sticky'] as const
const trueAndFalse = [true, false] as const

/** Counts of endpoints that a dataplane may treat alike: blocks of chains, powers of two. */
const countClasses = ['1', '2', '3 or 4', '5 to 8', '9 to 16', 'more'] as const

function countClass(count: number): (typeof countClasses)[number] {
  const index = [1, 2, 4, 8, 16].findIndex((most) => count <= most)
  return countClasses[index] ?? 'more'
}

function letter(verdict: Verdict): string {
  if (verdict.do !== 'balance') return verdict.do[0] ?? ''
  return verdict.masquerade ? verdict.over.toUpperCase() : verdict.over
}

function policyText({ kind, verdicts: { pod, node, outside } }: Pick<Frontend, 'kind' | 'verdicts'>): string {
  return `${kind} ${[pod, node, outside].map(letter).join('/')}`
}

/** Every kind of frontend with every policy that it can have, in every protocol, with and without affinity. */
export function everyCombination(): ReadonlySet<string> {
  const found = new Set<string>()
  for (const kind of kinds) {
    for (const facts of everyFacts()) {
      for (const policy of ['Cluster', 'Local'] as const) {
        const verdicts = verdictsFor(kind, { internal: policy, external: policy }, facts)
        for (const filter of kind === 'LoadBalancer' ? ['', ' filtered'] : [''])
          for (const protocol of protocols)
            for (const sticky of stickiness)
              found.add(`${policyText({ kind, verdicts })}${filter} ${protocol}${sticky}`)
      }
    }
  }
  for (const place of ['vip', 'nodeport'])
    for (const over of ['cluster', 'local'])
      for (const protocol of protocols)
        for (const sticky of stickiness)
          for (const count of countClasses) found.add(`${place} over ${over} ${protocol}${sticky}: ${count}`)
  return found
}

function* everyFacts(): Generator<VerdictFacts> {
  // What is here is also anywhere.
  for (const anywhere of trueAndFalse)
    for (const here of trueAndFalse)
      for (const detectsPods of trueAndFalse)
        for (const masqueradeAll of trueAndFalse)
          if (anywhere || !here) yield { anywhere, here, detectsPods, masqueradeAll }
}

/** The combinations in a table. */
export function* combinationsIn(table: RoutingTable): Generator<string> {
  for (const route of table.routes.values()) {
    const sticky = route.affinitySeconds === undefined ? '' : ' sticky'
    for (const frontend of route.frontends) {
      const filter = frontend.allowedSources === undefined ? '' : ' filtered'
      yield `${policyText(frontend)}${filter} ${route.protocol}${sticky}`
      const place = frontend.address === undefined ? 'nodeport' : 'vip'
      for (const over of listsOf(frontend))
        yield `${place} over ${over} ${route.protocol}${sticky}: ${countClass(route.endpoints[over].length)}`
    }
  }
}

function listsOf({ verdicts: { pod, node, outside } }: Frontend): Set<keyof ServiceRoute['endpoints']> {
  return new Set([pod, node, outside].flatMap((verdict) => (verdict.do === 'balance' ? [verdict.over] : [])))
}
