import type { Assertions, TestFunction } from '../suite.ts'
import { describe, findCounterexample, type Search } from './property.ts'

/** How many sequences `npm test` plays, where the caller says nothing else. */
const usualSequences = 150

export interface ConvergenceOptions extends Omit<Search, 'firstSeed' | 'sequences'> {
  /** The test file, for the line that says how to play a seed again: `dataplanes/nftables/test/convergence.test.ts`. */
  readonly file: string
  /** Default: 150. */
  readonly sequences?: number
}

/**
 * Declares the property that a dataplane converges: after any sequence of changes, failed applies and restarts the kernel
 * holds what a reconciliation would write. `PORTOLAN_SEED=7` plays the sequence with this seed alone, and
 * `PORTOLAN_SEQUENCES=100000` as many from there on.
 *
 * @param name which dataplane and variant, for the title
 */
export function converges(test: TestFunction, name: string, options: ConvergenceOptions): void {
  test(`${name}: after any changes, failures and restarts the kernel holds what a reconciliation writes`, (t) =>
    checkConvergence(t, options))
}

/** The same within a test. */
export async function checkConvergence(
  t: Assertions,
  { file, sequences = usualSequences, ...search }: ConvergenceOptions,
): Promise<void> {
  const { PORTOLAN_SEED: seed, PORTOLAN_SEQUENCES: wanted } = process.env
  const count = wanted === undefined ? (seed === undefined ? sequences : 1) : Number(wanted)
  const firstSeed = Number(seed ?? 1)
  t.timeout?.(Math.max(600_000, count * 1000))
  const begun = performance.now()
  const found = await findCounterexample({ ...search, firstSeed, sequences: count })
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  if (found === undefined) t.pass()
  else t.fail(describe(found, file))
  t.log(`${count} sequences from seed ${firstSeed} in ${seconds} s`)
}
