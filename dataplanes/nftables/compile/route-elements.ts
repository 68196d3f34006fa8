import {
  type Address,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  endpointKey,
  type Frontend,
  type Protocol,
  type ServiceRoute,
} from '@portolan/core'
import type { RouteNumbers } from '../layout/affinity-numbers.ts'
import type { Datum, ElementSink } from '../layout/elements.ts'
import {
  affinityEndpointsOf,
  affinityPicksOf,
  affinityRoutesOf,
  allowedSourceSet,
  countsOf,
  endpointsOf,
  type Place,
  policiesOf,
  type SetDeclaration,
} from '../layout/layout.ts'
import {
  type Choice,
  choiceNumber,
  maximumAffinityCount,
  maximumCount,
  type Policy,
  policyNumber,
  policyOf,
} from '../layout/numbers.ts'
import type { Declarations } from './declarations.ts'

/** One version of a route, with the numbers it has if its clients stick to their endpoints. */
export interface NumberedRoute {
  readonly route: ServiceRoute
  readonly numbers?: RouteNumbers
}

const overs: readonly EndpointScope[] = ['cluster', 'local']

export function placeOf(frontend: Frontend): Place {
  return frontend.address === undefined ? 'nodeport' : 'vip'
}

export function policyOfFrontend(frontend: Frontend): Policy {
  return policyOf(frontend.verdicts, frontend.allowedSources !== undefined)
}

/** The lists that a frontend's verdicts choose from. */
export function oversOf(frontend: Frontend): EndpointScope[] {
  const { pod, node, outside } = frontend.verdicts
  return overs.filter((over) =>
    [pod, node, outside].some((verdict) => verdict.do === 'balance' && verdict.over === over),
  )
}

/** The endpoints of a list that the kernel gets: all, but for the limits in numbers.ts. */
export function boundedEndpoints(version: NumberedRoute, over: EndpointScope): readonly Endpoint[] {
  const list = version.route.endpoints[over]
  const limit = version.numbers === undefined ? maximumCount : maximumAffinityCount
  return list.length > limit ? list.slice(0, limit) : list
}

export function choiceOf(version: NumberedRoute, over: EndpointScope): Choice {
  const count = boundedEndpoints(version, over).length
  const { affinitySeconds } = version.route
  return version.numbers === undefined || affinitySeconds === undefined
    ? { count }
    : { count, affinitySeconds }
}

/**
 * What the kernel gets for one version of a frontend, worked out once: the chains that it needs are declared and its
 * elements are written from the same values.
 */
export interface FrontendState {
  readonly place: Place
  readonly protocol: Protocol
  readonly address: Address | undefined
  readonly port: number
  readonly policy: Policy
  readonly allowedSources: readonly Cidr[] | undefined
  /** The route's number, with affinity. */
  readonly routeNumber: number | undefined
  /** Only those that its verdicts choose from. */
  readonly legs: { readonly [Name in EndpointScope]?: Leg }
}

/** One list of endpoints behind a frontend; all frontends of a route share it. */
export interface Leg {
  readonly choice: Choice
  readonly endpoints: readonly Endpoint[]
  /** With affinity: the number of each endpoint, by slot. */
  readonly numbers?: readonly number[]
}

/** A version of a route as the kernel gets it; `undefined`: it isn't there. */
export function frontendStates(version: NumberedRoute | undefined): readonly FrontendState[] {
  if (version === undefined) return []
  const legs: { [Name in EndpointScope]?: Leg } = {}
  return version.route.frontends.map((frontend) => {
    const own: { [Name in EndpointScope]?: Leg } = {}
    for (const over of oversOf(frontend)) {
      legs[over] ??= legOf(version, over)
      own[over] = legs[over]
    }
    return {
      place: placeOf(frontend),
      protocol: version.route.protocol,
      address: frontend.address,
      port: frontend.port,
      policy: policyOfFrontend(frontend),
      allowedSources: frontend.allowedSources,
      routeNumber: version.numbers === undefined ? undefined : version.numbers.route * 0x10000,
      legs: own,
    }
  })
}

/** Declares the chains that frontends lead to. */
export function declareFrontends(states: readonly FrontendState[], declarations: Declarations): void {
  for (const { place, protocol, policy, legs } of states) {
    declarations.policy(place, policy)
    for (const over of overs) {
      const leg = legs[over]
      if (leg !== undefined) declarations.balance(place, over, protocol, leg.choice)
    }
  }
}

/** Adds the elements that lead from one version of a route to the other. */
export function changeFrontends(
  before: readonly FrontendState[],
  after: readonly FrontendState[],
  changes: ElementSink,
): void {
  // Nearly always the frontends are the same, and in the same order.
  if (
    before.length === after.length &&
    after.every((state, index) => sameDestination(before[index], state))
  ) {
    for (const [index, state] of after.entries()) changeFrontend(before[index], state, changes)
    return
  }
  const old = new Map(before.map((state) => [destinationOf(state), state]))
  for (const state of after) {
    const destination = destinationOf(state)
    changeFrontend(old.get(destination), state, changes)
    old.delete(destination)
  }
  for (const state of old.values()) changeFrontend(state, undefined, changes)
}

function sameDestination(one: FrontendState | undefined, other: FrontendState): boolean {
  return one !== undefined && one.address === other.address && one.port === other.port
}

function destinationOf({ address, port }: FrontendState): string {
  return `${address ?? ''}|${port}`
}

function changeFrontend(
  before: FrontendState | undefined,
  after: FrontendState | undefined,
  changes: ElementSink,
): void {
  const some = after ?? before
  if (some === undefined) return
  const { place, protocol, address, port } = some
  const key: Datum[] = address === undefined ? [protocol, port] : [address, protocol, port]
  const change = changeNumber.bind(undefined, changes)

  change(policiesOf(place), key, policyNumberOf(before), policyNumberOf(after))
  change(affinityRoutesOf(place), key, before?.routeNumber, after?.routeNumber)
  changeSources(key, before?.allowedSources, after?.allowedSources, changes)
  for (const over of overs) {
    const [old, now] = [before?.legs[over], after?.legs[over]]
    change(countsOf(place, over), key, choiceNumberOf(old), choiceNumberOf(now))
    changeEndpoints({ place, over, protocol, address, port }, old, now, changes)
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

function legOf(version: NumberedRoute, over: EndpointScope): Leg {
  const endpoints = boundedEndpoints(version, over)
  const choice = choiceOf(version, over)
  const { numbers } = version
  if (numbers === undefined) return { choice, endpoints }
  return {
    choice,
    endpoints,
    numbers: endpoints.map(
      (endpoint) => numbers.route * 0x10000 + (numbers.endpoints.get(endpointKey(endpoint)) ?? 0),
    ),
  }
}

interface LegPlace {
  readonly place: Place
  readonly over: EndpointScope
  readonly protocol: Protocol
  readonly address: Address | undefined
  readonly port: number
}

/**
 * The destination as a chain for one protocol sees it, and a slot or number behind it. Not by spreading: an array that
 * grows has room for 17 more, and there is one of these for every endpoint of the cluster.
 */
function slotKey({ address, port }: LegPlace, slot: number): readonly Datum[] {
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
  for (let slot = 0; slot < Math.max(old.length, now.length); slot++) {
    const [was, is] = [old[slot], now[slot]]
    if (was !== undefined && is !== undefined && was.address === is.address && was.port === is.port) continue
    if (was !== undefined) changes.remove(plain, slotKey(at, slot), [was.address, was.port])
    if (is !== undefined) changes.add(plain, slotKey(at, slot), [is.address, is.port])
  }
  if (before?.numbers !== undefined || after?.numbers !== undefined)
    changeAffinity(at, before, after, changes)
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
