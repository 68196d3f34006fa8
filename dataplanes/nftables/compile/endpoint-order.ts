import type { EndpointScope, Frontend, ServiceRoute } from '@portolan/core'
import { type Datum, dataText } from '../layout/elements.ts'
import { choiceOfNumber } from '../layout/numbers.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { affinityEndpointsOf, affinityPicksOf, countsOf, endpointsOf } from '../layout/sets.ts'
import { placeOf, scopesOf } from './frontend-state.ts'

/** The endpoint keys of a list by slot, as the kernel holds them behind the first frontend that uses the list. */
export function endpointOrder(
  observedState: ObservedState,
  route: ServiceRoute,
  over: EndpointScope,
): readonly string[] | undefined {
  // A start on an empty node asks for each list of its cluster.
  if (observedState.elements.size === 0) return undefined
  const frontend = route.frontends.find((candidate) => scopesOf(candidate).includes(over))
  return frontend === undefined ? undefined : orderBehind(observedState, route, over, frontend)
}

/** The endpoint keys of a list by slot, as the kernel holds them behind one frontend. */
export function orderBehind(
  observedState: ObservedState,
  route: ServiceRoute,
  over: EndpointScope,
  frontend: Frontend,
): string[] | undefined {
  const [place, { protocol }] = [placeOf(frontend), route]
  const address: Datum[] = frontend.address === undefined ? [] : [frontend.address]
  const destination = [...address, protocol, frontend.port]
  const within = [...address, frontend.port]
  const number = observedState.elements.get(countsOf(place, over).name)?.get(dataText(destination))
  if (number === undefined) return undefined
  const choice = choiceOfNumber(Number(number))
  const sticky = choice.affinitySeconds !== undefined
  const slots = observedState.elements.get(
    (sticky ? affinityPicksOf : endpointsOf)(place, over, protocol).name,
  )
  const targets = observedState.elements.get(affinityEndpointsOf(place, over, protocol).name)
  const order: string[] = []
  for (let slot = 0; slot < choice.count; slot++) {
    const found = slots?.get(dataText([...within, slot])) ?? ''
    // The empty key: a slot that is missing holds no endpoint.
    order.push(sticky ? (targets?.get(dataText([...within, found])) ?? '') : found)
  }
  return order
}
