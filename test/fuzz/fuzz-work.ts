import type { FuzzFault } from './fuzz-round.ts'

/** What a worker is to do. */
export interface FuzzWork {
  /** The checkout. */
  readonly root: string
  /** Files `*.fuzz.ts`, from the root; absent: all that there are. */
  readonly files?: readonly string[]
  /** Part of the targets' names. */
  readonly only?: string
  /** Names of targets that are left out: they have been found at fault. */
  readonly without: readonly string[]
  /** The first seed. */
  readonly seed: number
  readonly seeds: number
  /** Inputs of a target and seed, at most. */
  readonly runs: number
  /** Milliseconds of a target and seed, at most. */
  readonly turnMs?: number
  /** No seed begins after this: milliseconds since the epoch. */
  readonly until: number
  /** Four numbers, of 32 bits: the target's index, its seed, inputs tried with it, inputs tried in all. */
  readonly place: SharedArrayBuffer
  /** Tell what this input is, counted from 1, in place of trying it. */
  readonly show?: { readonly target: string; readonly run: number }
}

export type FuzzWorkerMessage =
  | { readonly targets: readonly string[] }
  | { readonly fault: FuzzFault }
  | { readonly shown: string }
  | { readonly tried: number }
