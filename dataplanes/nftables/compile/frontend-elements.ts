import {
  type Address,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  endpointKey,
  endpointScopes,
  type Protocol,
} from '@portolan/core'
import type { Datum, ElementSink } from '../layout/elements.ts'
import { choiceNumber, policyNumber } from '../layout/numbers.ts'
import {
  affinityEndpointsOf,
  affinityPicksOf,
  affinityRoutesOf,
  allowedSourceSet,
  countsOf,
  endpointsOf,
  policiesOf,
  type SetDeclaration,
} from '../layout/sets.ts'
import type { Place } from '../layout/table.ts'
import type { Declarations } from './declarations.ts'
import { type FrontendState, frontendStates, type Leg } from './frontend-state.ts'
import type { NumberedRoute } from './numbered-route.ts'

/** What a program collects while it walks over routes. */
export interface Draft {
  readonly declarations: Declarations
  readonly elements: ElementSink
}

/** Drafts what leads from one version of a route to another; `undefined`: the route isn't there. */
export function changeRoute(
  before: NumberedRoute | undefined,
  after: NumberedRoute | undefined,
  draft: Draft,
): void {
  changeFrontends(frontendStates(before), frontendStates(after), draft)
}

function changeFrontends(
  before: readonly FrontendState[],
  after: readonly FrontendState[],
  draft: Draft,
): void {
  // Nearly always the frontends are the same, and in the same order.
  if (
    before.length === after.length &&
    after.every((state, index) => sameDestination(before[index], state))
  ) {
    for (const [index, state] of after.entries()) changeFrontend(before[index], state, draft)
    return
  }
  const old = new Map(before.map((state) => [destinationOf(state), state]))
  for (const state of after) {
    const destination = destinationOf(state)
    changeFrontend(old.get(destination), state, draft)
    old.delete(destination)
  }
  for (const state of old.values()) changeFrontend(state, undefined, draft)
}

function sameDestination(one: FrontendState | undefined, other: FrontendState): boolean {
  return one !== undefined && one.address === other.address && one.port === other.port
}

function destinationOf({ address, port }: FrontendState): string {
  return `${address ?? ''}|${port}`
}

/** One frontend: the chains that it leads to, then its elements. */
function changeFrontend(
  before: FrontendState | undefined,
  after: FrontendState | undefined,
  { declarations, elements }: Draft,
): void {
  const some = after ?? before
  if (some === undefined) return
  const { place, protocol, address, port } = some
  const key: Datum[] = address === undefined ? [protocol, port] : [address, protocol, port]

  if (after !== undefined) declarations.policy(place, after.policy)
  changeNumber(elements, policiesOf(place), key, policyNumberOf(before), policyNumberOf(after))
  changeNumber(elements, affinityRoutesOf(place), key, before?.routeNumber, after?.routeNumber)
  changeSources(key, before?.allowedSources, after?.allowedSources, elements)
  for (const over of endpointScopes) {
    const [old, now] = [before?.legs[over], after?.legs[over]]
    if (old === undefined && now === undefined) continue
    if (now !== undefined) declarations.balance(place, over, protocol, now.choice)
    changeNumber(elements, countsOf(place, over), key, choiceNumberOf(old), choiceNumberOf(now))
    changeEndpoints({ place, over, protocol, address, port }, old, now, elements)
  }
}

function policyNumberOf(state: FrontendState | undefined): number | undefined {
  return state === undefined ? undefined : policyNumber(state.policy)
}

function choiceNumberOf(leg: Leg | undefined): number | undefined {
  return leg === undefined ? undefined : choiceNumber(leg.choice)
}

function changeNumber(
  changes: ElementSink,
  set: SetDeclaration,
  key: readonly Datum[],
  before: number | undefined,
  after: number | undefined,
): void {
  if (before === after) return
  if (before !== undefined) changes.remove(set, key, [before])
  if (after !== undefined) changes.add(set, key, [after])
}

function changeSources(
  key: readonly Datum[],
  before: readonly Cidr[] | undefined,
  after: readonly Cidr[] | undefined,
  changes: ElementSink,
): void {
  if (before === after) return
  const [old, now] = [new Set(before), new Set(after)]
  for (const cidr of old) if (!now.has(cidr)) changes.remove(allowedSourceSet, [...key, cidr])
  for (const cidr of now) if (!old.has(cidr)) changes.add(allowedSourceSet, [...key, cidr])
}

interface LegPlace {
  readonly place: Place
  readonly over: EndpointScope
  readonly protocol: Protocol
  readonly address: Address | undefined
  readonly port: number
}

/** The destination as a chain for one protocol sees it, and a slot or number behind it. */
function slotKey({ address, port }: LegPlace, slot: number): Datum[] {
  return address === undefined ? [port, slot] : [address, port, slot]
}

function changeEndpoints(
  at: LegPlace,
  before: Leg | undefined,
  after: Leg | undefined,
  changes: ElementSink,
): void {
  const plain = endpointsOf(at.place, at.over, at.protocol)
  const [old, now] = [plainEndpoints(before), plainEndpoints(after)]
  // One key and one value for all slots: sinks take the fields, and a cluster's load has a million.
  const key = slotKey(at, 0)
  const value: Datum[] = ['', 0]
  for (let slot = 0; slot < Math.max(old.length, now.length); slot++) {
    const was = old[slot]
    const is = now[slot]
    if (was !== undefined && is !== undefined && was.address === is.address && was.port === is.port) continue
    key[key.length - 1] = slot
    if (was !== undefined) changes.remove(plain, key, targetOf(was, value))
    if (is !== undefined) changes.add(plain, key, targetOf(is, value))
  }
  if (before?.numbers !== undefined || after?.numbers !== undefined)
    changeAffinity(at, before, after, changes)
}

function targetOf({ address, port }: Endpoint, value: Datum[]): readonly Datum[] {
  value[0] = address
  value[1] = port
  return value
}

function plainEndpoints(leg: Leg | undefined): readonly Endpoint[] {
  return leg === undefined || leg.numbers !== undefined ? [] : leg.endpoints
}

/** With affinity a slot leads to an endpoint's number, and the number to the endpoint. */
function changeAffinity(
  at: LegPlace,
  before: Leg | undefined,
  after: Leg | undefined,
  changes: ElementSink,
): void {
  const picks = affinityPicksOf(at.place, at.over, at.protocol)
  const [old, now] = [before?.numbers ?? [], after?.numbers ?? []]
  for (let slot = 0; slot < Math.max(old.length, now.length); slot++) {
    changeNumber(changes, picks, slotKey(at, slot), old[slot], now[slot])
  }
  const targets = affinityEndpointsOf(at.place, at.over, at.protocol)
  const [oldTargets, nowTargets] = [targetsOf(before), targetsOf(after)]
  for (const [number, endpoint] of oldTargets) {
    const stays = nowTargets.get(number)
    if (stays === undefined || endpointKey(stays) !== endpointKey(endpoint)) {
      changes.remove(targets, slotKey(at, number), [endpoint.address, endpoint.port])
    }
  }
  for (const [number, endpoint] of nowTargets) {
    const was = oldTargets.get(number)
    if (was === undefined || endpointKey(was) !== endpointKey(endpoint)) {
      changes.add(targets, slotKey(at, number), [endpoint.address, endpoint.port])
    }
  }
}

function targetsOf(leg: Leg | undefined): Map<number, Endpoint> {
  const targets = new Map<number, Endpoint>()
  leg?.numbers?.forEach((number, slot) => {
    const endpoint = leg.endpoints[slot]
    if (endpoint !== undefined) targets.set(number, endpoint)
  })
  return targets
}
