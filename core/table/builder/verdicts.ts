import type { TrafficPolicy } from '../../cluster/records.ts'
import type { EndpointScope, Frontend, FrontendKind, Verdict, Verdicts } from '../service-route.ts'

/** What decides the verdicts of a service port, besides its traffic policies. */
export interface VerdictFacts {
  /** Whether the cluster set has an endpoint: if not, nothing serves anywhere (SEMANTICS 4). */
  readonly anywhere: boolean
  /** Whether the local set has one. */
  readonly here: boolean
  /** Whether local pods can be told from others at all (SEMANTICS 9). */
  readonly detectsPods: boolean
  readonly masqueradeAll: boolean
}

export interface TrafficPolicies {
  readonly internal: TrafficPolicy
  readonly external: TrafficPolicy
}

/** Every verdict there is, once: routes share them, and comparing two is comparing references. */
const verdict = {
  cluster: { do: 'balance', over: 'cluster', masquerade: false },
  clusterMasqueraded: { do: 'balance', over: 'cluster', masquerade: true },
  local: { do: 'balance', over: 'local', masquerade: false },
  localMasqueraded: { do: 'balance', over: 'local', masquerade: true },
  reject: { do: 'reject' },
  drop: { do: 'drop' },
} as const satisfies Record<string, Verdict>

const everyVerdict: readonly Verdict[] = Object.values(verdict)
const shared: (Verdicts | undefined)[] = []

/** The verdicts of a frontend by source class (SEMANTICS 5 and 6). Equal ones are the same object. */
export function verdictsFor(kind: FrontendKind, policies: TrafficPolicies, facts: VerdictFacts): Verdicts {
  if (!facts.anywhere) return share(verdict.reject, verdict.reject, verdict.reject)
  return kind === 'ClusterIP'
    ? internalVerdicts(policies.internal, facts)
    : externalVerdicts(policies.external, facts)
}

/**
 * To a ClusterIP: what doesn't come from a local pod is masqueraded, because the answer must pass this node again.
 * Where pods can't be told from others, nothing is masqueraded, unless everything is.
 */
function internalVerdicts(policy: TrafficPolicy, facts: VerdictFacts): Verdicts {
  const over = (masquerade: boolean): Verdict => {
    if (policy === 'Cluster') return masquerade ? verdict.clusterMasqueraded : verdict.cluster
    if (!facts.here) return verdict.drop
    return masquerade ? verdict.localMasqueraded : verdict.local
  }
  const others = over(facts.masqueradeAll || facts.detectsPods)
  return share(over(facts.masqueradeAll), others, others)
}

/**
 * To an address from outside the cluster. With policy Local the client's address is kept, so only endpoints here can
 * serve; a local pod and the node itself are served by all, for theirs is not the traffic that the policy is about.
 */
function externalVerdicts(policy: TrafficPolicy, facts: VerdictFacts): Verdicts {
  const masqueraded = verdict.clusterMasqueraded
  if (policy === 'Cluster') return share(masqueraded, masqueraded, masqueraded)
  const outside = facts.here ? verdict.local : verdict.drop
  return share(facts.detectsPods ? verdict.cluster : outside, masqueraded, outside)
}

function share(pod: Verdict, node: Verdict, outside: Verdict): Verdicts {
  const place = [pod, node, outside].reduce(
    (digits, one) => digits * everyVerdict.length + everyVerdict.indexOf(one),
    0,
  )
  const known = shared[place] ?? Object.freeze({ pod, node, outside })
  shared[place] = known
  return known
}

/** Whether any verdict of any frontend balances over this list. */
export function anyBalancesOver(frontends: readonly Frontend[], list: EndpointScope): boolean {
  return frontends.some(({ verdicts: { pod, node, outside } }) =>
    [pod, node, outside].some((one) => one.do === 'balance' && one.over === list),
  )
}
