import {
  type Address,
  type Cidr,
  type Endpoint,
  endpointKey,
  type Frontend,
  type ServiceRoute,
} from '@portolan/core'
import type { RouteNumbers } from './affinity-numbers.ts'
import type { Datum, ElementSink } from './elements.ts'
import {
  affinityEndpointsOf,
  affinityPicksOf,
  affinityRoutesOf,
  allowedSourceSet,
  countsOf,
  endpointsOf,
  type Over,
  type Place,
  policiesOf,
  type SetDeclaration,
} from './layout.ts'
import {
  type Choice,
  choiceNumber,
  maximumAffinityCount,
  maximumCount,
  type Policy,
  policyNumber,
  policyOf,
} from './numbers.ts'

/** One version of a route, with the numbers it has if its clients stick to their endpoints. */
export interface NumberedRoute {
  readonly route: ServiceRoute
  readonly numbers?: RouteNumbers
}

const overs: readonly Over[] = ['cluster', 'local']

export function placeOf(frontend: Frontend): Place {
  return frontend.address === undefined ? 'nodeport' : 'vip'
}

export function policyOfFrontend(frontend: Frontend): Policy {
  return policyOf(frontend.verdicts, frontend.allowedSources !== undefined)
}

/** The lists that a frontend's verdicts choose from. */
export function oversOf(frontend: Frontend): Over[] {
  const { pod, node, outside } = frontend.verdicts
  return overs.filter((over) =>
    [pod, node, outside].some((verdict) => verdict.do === 'balance' && verdict.over === over),
  )
}

/** The endpoints of a list that the kernel gets: all, but for the limits in numbers.ts. */
export function boundedEndpoints(version: NumberedRoute, over: Over): readonly Endpoint[] {
  const list = version.route.endpoints[over]
  const limit = version.numbers === undefined ? maximumCount : maximumAffinityCount
  return list.length > limit ? list.slice(0, limit) : list
}

export function choiceOf(version: NumberedRoute, over: Over): Choice {
  const count = boundedEndpoints(version, over).length
  const { affinitySeconds } = version.route
  return version.numbers === undefined || affinitySeconds === undefined
    ? { count }
    : { count, affinitySeconds }
}

/** Adds what leads from one version of a route to the other; `undefined`: it isn't there. */
export function changeRoute(
  before: NumberedRoute | undefined,
  after: NumberedRoute | undefined,
  changes: ElementSink,
): void {
  const old = new Map(before?.route.frontends.map((frontend) => [frontendId(frontend), frontend]))
  for (const frontend of after?.route.frontends ?? []) {
    const id = frontendId(frontend)
    changeFrontend(version(before, old.get(id)), version(after, frontend), changes)
    old.delete(id)
  }
  for (const frontend of old.values()) changeFrontend(version(before, frontend), undefined, changes)
}

interface FrontendVersion extends NumberedRoute {
  readonly frontend: Frontend
}

function version(
  route: NumberedRoute | undefined,
  frontend: Frontend | undefined,
): FrontendVersion | undefined {
  return route === undefined || frontend === undefined ? undefined : { ...route, frontend }
}

function frontendId(frontend: Frontend): string {
  return `${frontend.address ?? ''}|${frontend.port}`
}

function changeFrontend(
  before: FrontendVersion | undefined,
  after: FrontendVersion | undefined,
  changes: ElementSink,
): void {
  const some = after ?? before
  if (some === undefined) return
  const place = placeOf(some.frontend)
  const { address, port } = some.frontend
  const protocol = some.route.protocol
  const key: Datum[] = address === undefined ? [protocol, port] : [address, protocol, port]
  const change = changeNumber.bind(undefined, changes)

  change(policiesOf(place), key, policyNumberOf(before), policyNumberOf(after))
  change(affinityRoutesOf(place), key, routeNumberOf(before), routeNumberOf(after))
  changeSources(key, before?.frontend.allowedSources, after?.frontend.allowedSources, changes)
  for (const over of overs) {
    const old = legOf(before, over)
    const now = legOf(after, over)
    change(countsOf(place, over), key, old?.choice, now?.choice)
    changeEndpoints({ place, over, protocol, address, port }, old, now, changes)
  }
}

function policyNumberOf(version: FrontendVersion | undefined): number | undefined {
  return version === undefined ? undefined : policyNumber(policyOfFrontend(version.frontend))
}

function routeNumberOf(version: FrontendVersion | undefined): number | undefined {
  return version?.numbers === undefined ? undefined : version.numbers.route * 0x10000
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

/** One list of endpoints behind one frontend. */
interface Leg {
  readonly choice: number
  readonly endpoints: readonly Endpoint[]
  /** With affinity: the number of each endpoint, by slot. */
  readonly numbers?: readonly number[]
}

function legOf(version: FrontendVersion | undefined, over: Over): Leg | undefined {
  if (version === undefined || !oversOf(version.frontend).includes(over)) return undefined
  const endpoints = boundedEndpoints(version, over)
  const choice = choiceNumber(choiceOf(version, over))
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
  readonly over: Over
  readonly protocol: ServiceRoute['protocol']
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
