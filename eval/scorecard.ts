import type { BenchResults, Machine } from '@portolan/bench'

/** Raised whenever a reader of the one before would misread it. */
export const schemaVersion = 1

/** What `portolan eval` finds out, as plain data: what `--json` writes. */
export interface Scorecard {
  readonly schemaVersion: typeof schemaVersion
  /** The command that makes it again, as a person would type it. */
  readonly command: string
  readonly machine: Machine
  readonly cards: readonly Card[]
}

/** Of one dataplane. */
export interface Card {
  /** As it was asked for: `nftables`, `./src/index.ts`, `nftables?transport=nft`. */
  readonly dataplane: string
  /** What it calls itself; `undefined`: it could not be loaded. */
  readonly name?: string
  /** In the order in which they are asked. */
  readonly parts: readonly Part[]
  /** Figures of speed and operation, as `portolan bench` writes them. */
  readonly figures?: BenchResults
}

export const partNames = ['shape', 'convergence', 'conformance', 'speed', 'operation'] as const
export type PartName = (typeof partNames)[number]

export interface Part {
  readonly name: PartName
  /** `not reached`: a part before it failed so that this one would mean nothing. `left out`: it was not asked for. */
  readonly outcome: 'passed' | 'failed' | 'not reached' | 'left out'
  readonly checks: readonly Check[]
  /** For an author: what to do about it, most important first. */
  readonly advice: readonly string[]
  /** Whole seconds that it took. */
  readonly seconds: number
}

/** One thing that was looked at. */
export interface Check {
  /** What is claimed, in a sentence. */
  readonly name: string
  /** Of the conformance part: which step of the ladder it belongs to. */
  readonly rung?: string
  /** `gap`: the dataplane declares that it lacks it. `unproved`: it could not be asked here. */
  readonly outcome: 'passed' | 'failed' | 'gap' | 'unproved'
  /** What was seen instead of what was due, a figure, or why it wasn't asked; may be empty. */
  readonly detail: string
}

/** Whether nothing of what was asked has failed. */
export function hasPassed({ parts }: Card): boolean {
  return parts.every(({ outcome }) => outcome === 'passed' || outcome === 'left out')
}

export function count(checks: readonly Check[], outcome: Check['outcome']): number {
  return checks.filter((check) => check.outcome === outcome).length
}

/** A part that was asked for, and what came of it. */
export function partOf(
  name: PartName,
  checks: readonly Check[],
  begun: number,
  advice: readonly string[] = [],
): Part {
  const outcome = checks.some((check) => check.outcome === 'failed') ? 'failed' : 'passed'
  return { name, outcome, checks, advice, seconds: Math.round((performance.now() - begun) / 1000) }
}

/** @param outcome of a part about which nothing is known */
export function unasked(name: PartName, outcome: 'not reached' | 'left out'): Part {
  return { name, outcome, checks: [], advice: [], seconds: 0 }
}
