import { type EndpointScope, endpointKey, type ServiceRoute } from '@portolan/core'
import { endpointChain, listChains } from '../compile/route-chains.ts'
import type { ObservedState } from '../layout/observed-state.ts'

/** The endpoint keys of a list in the order of their rules; `undefined` where the kernel has no such list. */
export function endpointOrder(
  observedState: ObservedState,
  route: ServiceRoute,
  over: EndpointScope,
): readonly string[] | undefined {
  const { chains } = observedState.tables.nat
  const rules = chains.get(listChains(route).get(over) ?? '')
  if (rules === undefined) return undefined
  const direct = rules.flatMap((rule) => endpointOf(rule) ?? [])
  if (direct.length > 0) return direct
  // With affinity every endpoint has a chain, named twice: for its clients, and for those who have none yet.
  const known = new Map(
    route.endpoints[over].map((endpoint) => [endpointChain(route, endpoint), endpointKey(endpoint)]),
  )
  const order = new Set<string>()
  for (const rule of rules) {
    const chain = / -g (PORTOLAN-A-\S+)$/.exec(` ${rule}`)?.[1]
    if (chain === undefined) continue
    const translated = chains.get(chain)?.flatMap((one) => endpointOf(one) ?? [])[0]
    order.add(known.get(chain) ?? translated ?? chain)
  }
  return order.size === 0 ? undefined : [...order]
}

/** The endpoint that a rule translates to, as `endpointKey` writes it. */
function endpointOf(rule: string): string | undefined {
  const [, address, port] = /--to-destination \[?([0-9a-f.:]+?)\]?:(\d+)$/.exec(rule) ?? []
  return address === undefined || port === undefined ? undefined : `${address}|${port}`
}
