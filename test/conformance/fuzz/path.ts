import type { PhaseName } from './trial.ts'

/**
 * Where something was found, after a seed: `packets/12/3:0:5:7`. Round 12 of its phase, in which question 3 went wrong; and of
 * the candidates on the way to the shortest form those that still went wrong, by their numbers. All of it is drawn again
 * from the seed and the path, without trying anything.
 */
export interface FuzzPath {
  readonly phase: PhaseName
  readonly round: number
  /** Absent: nothing to choose from. */
  readonly question?: number
  readonly accepted: readonly number[]
}

export function pathText({ phase, round, question, accepted }: FuzzPath): string {
  const place = [phase, round, ...(question === undefined ? [] : [question])].join('/')
  return [place, ...accepted].join(':')
}

/** @returns `undefined` when it isn't one */
export function parsePath(text: string): FuzzPath | undefined {
  const found = /^(convergence|packets|conversations)\/(\d{1,9})(?:\/(\d{1,4}))?((?::\d{1,6})*)$/.exec(text)
  if (found === null) return undefined
  const [, phase, round, question, accepted = ''] = found
  return {
    phase: phase as PhaseName,
    round: Number(round),
    ...(question === undefined ? {} : { question: Number(question) }),
    accepted: accepted.split(':').slice(1).map(Number),
  }
}

/** Numbers the candidates of a search for the shortest, and keeps those that were taken. */
export class Candidates {
  readonly accepted: number[] = []
  #count = 0

  /** @param fails whether the next candidate goes wrong as well */
  async take(fails: (number: number) => Promise<boolean> | boolean): Promise<boolean> {
    const number = this.#count++
    if (!(await fails(number))) return false
    this.accepted.push(number)
    return true
  }
}
