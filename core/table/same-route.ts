import type { Endpoint, Frontend, ServiceRoute, Verdict, Verdicts } from './service-route.ts'

/** Whether two routes of the same key ask the same of the kernel. Parts that are shared compare by reference. */
export function sameRoute(a: ServiceRoute, b: ServiceRoute): boolean {
  return (
    a.affinitySeconds === b.affinitySeconds &&
    sameList(a.endpoints.cluster, b.endpoints.cluster, sameEndpoint) &&
    sameList(a.endpoints.local, b.endpoints.local, sameEndpoint) &&
    sameList(a.frontends, b.frontends, sameFrontend)
  )
}

export function sameFrontend(a: Frontend, b: Frontend): boolean {
  return (
    a.kind === b.kind &&
    a.address === b.address &&
    a.port === b.port &&
    sameVerdicts(a.verdicts, b.verdicts) &&
    (a.allowedSources === b.allowedSources ||
      (a.allowedSources !== undefined &&
        b.allowedSources !== undefined &&
        sameList(a.allowedSources, b.allowedSources, Object.is)))
  )
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a === b || (a.address === b.address && a.port === b.port && a.local === b.local)
}

function sameVerdicts(a: Verdicts, b: Verdicts): boolean {
  return (
    a === b || (sameVerdict(a.pod, b.pod) && sameVerdict(a.node, b.node) && sameVerdict(a.outside, b.outside))
  )
}

function sameVerdict(a: Verdict, b: Verdict): boolean {
  if (a.do !== 'balance' || b.do !== 'balance') return a.do === b.do
  return a.over === b.over && a.masquerade === b.masquerade
}

export function sameList<Item>(
  a: readonly Item[],
  b: readonly Item[],
  same: (a: Item, b: Item) => boolean,
): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) {
    const one = a[index]
    const other = b[index]
    if (one === undefined || other === undefined || !same(one, other)) return false
  }
  return true
}
