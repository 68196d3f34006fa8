import type { EndpointScope, Protocol } from '@portolan/core'
import type { ChainDeclaration, ChainEntry, Setting } from './chain.ts'
import { expressions, protocolName } from './expressions.ts'
import {
  type Choice,
  choiceNumber,
  maximumAffinityCount,
  maximumAffinitySeconds,
  maximumCount,
} from './numbers.ts'
import {
  affinityClients,
  affinityEndpointsOf,
  affinityPicksOf,
  affinityRoutesOf,
  balanceChainsOf,
  endpointsOf,
  type SetDeclaration,
} from './sets.ts'
import type { Place } from './table.ts'

export function balanceChain(place: Place, over: EndpointScope, protocol: Protocol, choice: Choice): string {
  const sticky = choice.affinitySeconds === undefined ? '' : `-affinity-${choice.affinitySeconds}`
  return `${place}-${over}-${protocolName(protocol)}-${choice.count}${sticky}`
}

/** What {@link balanceChain} named; `undefined`: the name is of no such chain. */
export function readBalanceChain(
  name: string,
): { place: Place; over: EndpointScope; protocol: Protocol; choice: Choice } | undefined {
  const parts = /^(vip|nodeport)-(cluster|local)-(tcp|udp|sctp)-([1-9]\d{0,4})(?:-affinity-([1-9]\d{0,5}))?$/
  const [, place, over, protocol, countText, seconds] = parts.exec(name) ?? []
  const count = Number(countText)
  if (protocol === undefined || count > (seconds === undefined ? maximumCount : maximumAffinityCount))
    return undefined
  if (Number(seconds ?? 0) > maximumAffinitySeconds) return undefined
  return {
    place: place as Place,
    over: over as EndpointScope,
    protocol: protocol.toUpperCase() as Protocol,
    choice: { count, ...(seconds === undefined ? {} : { affinitySeconds: Number(seconds) }) },
  }
}

/** The chain that picks one of so many endpoints, uniformly at random. */
export function balanceChains(
  setting: Setting,
  place: Place,
  over: EndpointScope,
  protocol: Protocol,
  choice: Choice,
): ChainDeclaration[] {
  const { ip, full, within, client } = expressions(setting.family)
  const key = within(place, protocol)
  const name = balanceChain(place, over, protocol, choice)
  const entry: ChainEntry = { map: balanceChainsOf(place, over), key: [protocol, choiceNumber(choice)] }
  const random = `numgen random mod ${choice.count}`
  const translate = (slot: string, map: SetDeclaration) =>
    `meta l4proto ${protocolName(protocol)} dnat ${ip} addr . port to ${key} . ${slot} map @${map.name}`
  if (choice.affinitySeconds === undefined) {
    return [{ name, rules: [translate(random, endpointsOf(place, over, protocol)), 'drop'], entry }]
  }
  const clientOfRoute = `meta priority & 0xffff0000 . ${client}`
  const stick = `${clientOfRoute} timeout ${choice.affinitySeconds}s : meta priority`
  const targets = affinityEndpointsOf(place, over, protocol)
  const keep = affinityKeepChain(place, over, protocol, choice.affinitySeconds)
  return [
    {
      name: keep,
      comment: 'remember the choice, then translate',
      rules: [`update @${affinityClients.name} { ${stick} }`, translate('meta priority', targets), 'drop'],
    },
    {
      name,
      rules: [
        `meta priority set ${full(place)} map @${affinityRoutesOf(place).name}`,
        `meta priority set meta priority . ${client} map @${affinityClients.name}`,
        `meta priority & 0xffff != 0 update @${affinityClients.name} { ${stick} }`,
        // Ends here, unless there is no choice yet or it is of an endpoint that has left. Only by its value can a map be
        // asked whether it has a key: before Linux 6.5 it can't be looked up as a set.
        translate('meta priority', targets),
        // An update would keep the old choice, so that one goes first.
        `delete @${affinityClients.name} { ${clientOfRoute} : meta priority }`,
        `meta priority set ${key} . ${random} map @${affinityPicksOf(place, over, protocol).name}`,
        `goto ${keep}`,
      ],
      entry,
    },
  ]
}

function affinityKeepChain(place: Place, over: EndpointScope, protocol: Protocol, seconds: number): string {
  return `${place}-${over}-${protocolName(protocol)}-affinity-${seconds}`
}

/** The sets that the chains for a choice name. */
export function setsOf(
  place: Place,
  over: EndpointScope,
  protocol: Protocol,
  choice: Choice,
): SetDeclaration[] {
  if (choice.affinitySeconds === undefined) return [endpointsOf(place, over, protocol)]
  return [
    affinityRoutesOf(place),
    affinityPicksOf(place, over, protocol),
    affinityEndpointsOf(place, over, protocol),
  ]
}
