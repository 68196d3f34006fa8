/**
 * What a difference does to traffic. `lost`: what is served today isn't then. `opened`: something answers then where
 * nothing does today. `changed`: it is served, or refused, in another way that a client can notice. `note`: nothing is
 * served otherwise; worth knowing.
 */
export type Effect = 'lost' | 'opened' | 'changed' | 'note'

/** In the order of what an operator should look at first. */
export const effects: readonly Effect[] = ['lost', 'opened', 'changed', 'note']

/** One kind of difference, with the Services that it concerns. */
export interface Finding {
  /** Stable: `node-port-address`, `protocol`, `gap:affinityTimeout`. */
  readonly kind: string
  readonly effect: Effect
  readonly what: string
  readonly why: string
  readonly fix: string
  /** How many Services; absent: it is about the node as a whole. */
  readonly services?: number
  /** `namespace/name` of the first of them. */
  readonly examples: readonly string[]
}

/** A finding about one Service. */
export type Difference = Omit<Finding, 'services' | 'examples'>

const shownExamples = 5

/** Brings the same differences of many Services together. */
export class Findings {
  readonly #found = new Map<string, { difference: Difference; subjects: Set<string> }>()
  readonly #differing = new Set<string>()

  /** @param subject `namespace/name`; absent: the node as a whole */
  add(difference: Difference, subject?: string): void {
    const key = `${difference.kind}|${difference.effect}|${difference.what}`
    const known = this.#found.get(key) ?? { difference, subjects: new Set<string>() }
    this.#found.set(key, known)
    if (subject === undefined) return
    known.subjects.add(subject)
    if (difference.effect !== 'note') this.#differing.add(subject)
  }

  /** Services with a finding that is more than a note. */
  get differing(): ReadonlySet<string> {
    return this.#differing
  }

  /** What weighs most first, then what concerns most Services. */
  get list(): readonly Finding[] {
    return [...this.#found.values()]
      .map(({ difference, subjects }) => ({
        ...difference,
        ...(subjects.size === 0 ? {} : { services: subjects.size }),
        examples: [...subjects].toSorted().slice(0, shownExamples),
      }))
      .toSorted(
        (one, other) =>
          effects.indexOf(one.effect) - effects.indexOf(other.effect) ||
          (other.services ?? 0) - (one.services ?? 0),
      )
  }
}
