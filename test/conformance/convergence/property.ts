import { Random } from '../random.ts'
import { play, type Subject } from './play.ts'
import { randomSequence, type SequenceOptions } from './random-sequence.ts'
import { type Sequence, sequenceText } from './sequence.ts'
import { shrink } from './shrink.ts'

/** A sequence after which the kernel isn't what it should be. */
export interface Counterexample {
  readonly seed: number
  /** How many sequences it took. */
  readonly sequences: number
  /** The shortest one that was found, and what is wrong after it. */
  readonly shortest: Sequence
  readonly wrong: string
}

export interface Search extends SequenceOptions {
  /** A subject with an empty kernel. */
  readonly subject: () => Subject
  readonly firstSeed: number
  /** Attempts to find a shorter sequence; 0: none. Default: 1500. */
  readonly maxRuns?: number
  readonly sequences: number
}

/** Plays random sequences, each with a seed of its own, until one goes wrong. */
export async function findCounterexample(search: Search): Promise<Counterexample | undefined> {
  const { subject, firstSeed, sequences, maxRuns = 1500 } = search
  const run = async (sequence: Sequence) => {
    const one = subject()
    try {
      return await play(one, sequence)
    } finally {
      await one.close?.()
    }
  }
  for (let index = 0; index < sequences; index++) {
    const seed = firstSeed + index
    const sequence = randomSequence(new Random(seed), search)
    const wrong = await run(sequence)
    if (wrong === undefined) continue
    const fails = async (candidate: Sequence) => (await run(candidate)) !== undefined
    const shortest = await shrink(sequence, fails, maxRuns)
    if (shortest === sequence) return { seed, sequences: index + 1, shortest, wrong }
    return { seed, sequences: index + 1, shortest, wrong: (await run(shortest)) ?? wrong }
  }
  return undefined
}

/** What a person needs to understand the counterexample and to see it again. */
export function describe({ seed, sequences, shortest, wrong }: Counterexample, file: string): string {
  return [
    wrong,
    `in sequence ${sequences}; again with PORTOLAN_SEED=${seed} npx ava ${file}; the shortest one:`,
    sequenceText(shortest),
  ].join('\n')
}
