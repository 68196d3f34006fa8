import { letterOf, type VerdictLetter, type Verdicts, verdictLetters } from '@portolan/core'

/**
 * The numbers that go through a packet's priority, as `major:minor` of 16 bits each (nft's classid). Their ranges
 * never meet, so a number that a packet keeps from a lookup that missed can't be taken for another kind:
 *
 * - policy: major 1
 * - count of endpoints: major 0; with affinity bit 31 set, then the timeout (17 bits) and the count (14 bits)
 * - affinity: major is the route's number, minor the endpoint's (0: just the route)
 */

export function isVerdictLetter(text: string | undefined): text is VerdictLetter {
  return verdictLetters.some((letter) => letter === text)
}

/** What a destination does with each class of source, and whether sources are filtered first. */
export interface Policy {
  readonly pod: VerdictLetter
  readonly node: VerdictLetter
  readonly outside: VerdictLetter
  readonly filtered: boolean
}

export function policyOf(verdicts: Verdicts, filtered: boolean): Policy {
  return {
    pod: letterOf(verdicts.pod),
    node: letterOf(verdicts.node),
    outside: letterOf(verdicts.outside),
    filtered,
  }
}

const policyMajor = 0x10000

export function policyNumber(policy: Policy): number {
  const digits = [policy.pod, policy.node, policy.outside].map((letter) => verdictLetters.indexOf(letter))
  const code = digits.reduce((sum, digit) => sum * verdictLetters.length + digit, 0)
  return policyMajor + 1 + code + (policy.filtered ? verdictLetters.length ** 3 : 0)
}

/** The policy behind a number; `undefined` for one that is none. */
export function policyOfNumber(number: number): Policy | undefined {
  const code = number - policyMajor - 1
  if (code < 0 || code >= 2 * verdictLetters.length ** 3) return undefined
  const digit = (place: number) =>
    verdictLetters[Math.floor(code / verdictLetters.length ** place) % verdictLetters.length]
  const [pod, node, outside] = [digit(2), digit(1), digit(0)]
  if (pod === undefined || node === undefined || outside === undefined) return undefined
  return { pod, node, outside, filtered: code >= verdictLetters.length ** 3 }
}

/** `cCC`, `lCl-filtered`: part of the name of a policy's chain. */
export function policyText(policy: Policy): string {
  return `${policy.pod}${policy.node}${policy.outside}${policy.filtered ? '-filtered' : ''}`
}

/** How many endpoints a new connection chooses from, and for how long the choice sticks. */
export interface Choice {
  readonly count: number
  /** Seconds; absent: no affinity. */
  readonly affinitySeconds?: number
}

/** With affinity a list can't be longer: the count shares 32 bits with the timeout. */
export const maximumAffinityCount = 0x3fff
/** The timeout has 17 bits; the API allows up to 86,400 seconds. */
export const maximumAffinitySeconds = 0x1ffff
/** Without affinity it has the 16 bits below the policies. */
export const maximumCount = 0xffff
/** Route numbers of affinity lie between the policies' major and the choices' bit 31. */
export const firstAffinityRoute = 2
export const lastAffinityRoute = 0x7fff

export function choiceNumber(choice: Choice): number {
  if (choice.affinitySeconds === undefined) return choice.count
  return (0x80000000 | (choice.affinitySeconds << 14) | choice.count) >>> 0
}

export function choiceOfNumber(number: number): Choice {
  if (number < 0x80000000) return { count: number }
  return { count: number & maximumAffinityCount, affinitySeconds: (number >>> 14) & maximumAffinitySeconds }
}

/** nft's text of a number: `1:2a`. */
export function numberText(number: number): string {
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
}
