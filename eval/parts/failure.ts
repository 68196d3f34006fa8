import type { Check } from '../scorecard.ts'

/** What was thrown, with the fix that it names and the place in the dataplane's own files. */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `${String(thrown)} was thrown, which is no Error`
  const { fix } = thrown as Error & { readonly fix?: unknown }
  const frames = placesOf(thrown)
  return [thrown.message, ...frames, ...(typeof fix === 'string' ? [`fix: ${fix}`] : [])].join('\n')
}

/** The innermost error's frames that are in nobody else's package. */
function placesOf(error: Error): readonly string[] {
  const inner = error.cause instanceof Error ? placesOf(error.cause) : []
  if (inner.length > 0) return inner
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line))
  return frames
    .filter((line) => !/node:|node_modules|\/(core|native|eval|test\/conformance|test\/lab)\//.test(line))
    .slice(0, 3)
    .map((line) => line.trim())
}

/** Told of each check before it is made, so that one which never comes back can be named. */
export type Tell = (what: string) => void

/** Makes checks one after the other; what one throws is its failure. */
export class Checks {
  readonly made: Check[] = []
  readonly #tell: Tell

  constructor(tell: Tell) {
    this.#tell = tell
  }

  /** @param ask what is wrong; `undefined` or nothing: it is as it should be */
  async make(name: string, ask: () => Promise<string | undefined> | string | undefined): Promise<boolean> {
    this.#tell(name)
    let wrong: string | undefined
    try {
      wrong = await ask()
    } catch (error) {
      wrong = describe(error)
    }
    this.made.push({ name, outcome: wrong === undefined ? 'passed' : 'failed', detail: wrong ?? '' })
    return wrong === undefined
  }

  /** What the dataplane declares that it lacks, in its words. */
  lack(name: string, gap: string): void {
    this.made.push({ name, outcome: 'gap', detail: gap })
  }

  /** What can't be asked here, and why. */
  leave(name: string, why: string): void {
    this.made.push({ name, outcome: 'unproved', detail: why })
  }
}
