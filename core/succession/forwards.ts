import type { ClosedForward } from '../node/closed-forwards.ts'

/** Why nothing is lost only as long as the old one stays, and what to do. @param shut where nobody else accepts */
export function forwardsShut(shut: readonly ClosedForward[], from: string, to: string): string {
  const commands = shut.map(({ program, closingRule }) => {
    const place = closingRule === undefined ? '-A FORWARD' : `-I FORWARD ${closingRule}`
    return `${program} ${place} -s CIDR -j ACCEPT`
  })
  return (
    `${closedBy(shut)}, nothing but ${from} accepts anything there, and ${to} doesn't. Accept traffic of pods as most networks ` +
    `of pods do (${commands.join('; ')}; and the same with -d), or take the dataplane iptables`
  )
}

/** What may be lost by the change. @param closed where others accept as well */
export function forwardsLost(closed: readonly ClosedForward[], from: string, to: string): string {
  return (
    `${closedBy(closed)}, and what ${from} accepts there ${to} doesn't. See that other rules there accept traffic of pods, in ` +
    'both directions'
  )
}

function closedBy(closed: readonly ClosedForward[]): string {
  const chains = closed.map(({ chain, closingRule }) =>
    closingRule === undefined ? chain : `${chain}, by its rule ${closingRule}`,
  )
  return `forwarded packets are dropped unless a rule accepts them (${chains.join('; ')})`
}
