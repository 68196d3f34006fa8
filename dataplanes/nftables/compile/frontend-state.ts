import {
  type Address,
  type Cidr,
  type Endpoint,
  type EndpointScope,
  endpointKey,
  endpointScopes,
  type Frontend,
  type Protocol,
} from '@portolan/core'
import { type Choice, type Policy, policyOf } from '../layout/numbers.ts'
import type { Place } from '../layout/table.ts'
import { boundedEndpoints, choiceFrom, type NumberedRoute } from './numbered-route.ts'

/**
 * What the kernel gets for one version of a frontend, derived once: the chains that it needs are declared and its
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
    for (const over of scopesOf(frontend)) {
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

function legOf(version: NumberedRoute, over: EndpointScope): Leg {
  const endpoints = boundedEndpoints(version, over)
  const choice = choiceFrom(version, endpoints)
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

export function placeOf({ address }: Frontend): Place {
  return address === undefined ? 'nodeport' : 'vip'
}

export function policyOfFrontend({ verdicts, allowedSources }: Frontend): Policy {
  return policyOf(verdicts, allowedSources !== undefined)
}

/** The lists that a frontend's verdicts choose from. */
export function scopesOf({ verdicts: { pod, node, outside } }: Frontend): EndpointScope[] {
  return endpointScopes.filter((over) =>
    [pod, node, outside].some((verdict) => verdict.do === 'balance' && verdict.over === over),
  )
}
