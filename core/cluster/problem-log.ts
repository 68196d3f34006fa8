import type { ObjectProblem } from './records.ts'

/** Objects whose problems are remembered; the oldest are forgotten first, and told again should they come again. */
const rememberedObjects = 10_000

/** Of one object that keeps changing from one broken value to the next. */
const rememberedProblems = 50

/**
 * Passes problems on, each once: a source that lists again, or an object that changes elsewhere, tells the same again
 * and again.
 */
export class ProblemLog {
  readonly #told = new Map<string, Set<string>>()
  readonly #counts = new Map<string, number>()
  readonly #onProblem: ((problem: ObjectProblem) => void) | undefined

  /** @param onProblem told of each problem once, however often a source repeats it */
  constructor(onProblem?: (problem: ObjectProblem) => void) {
    this.#onProblem = onProblem
  }

  /** Problems reported so far, by kind and field (`Service spec.ports[].nodePort`). */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  report(problem: ObjectProblem): void {
    if (knownKinds.has(problem.kind) && this.#isRepeated(problem)) return
    const counted = countedField(problem)
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1)
    this.#onProblem?.(problem)
  }

  /** What a source tells of itself (a file that is cut short) it tells when it happens. */
  #isRepeated(problem: ObjectProblem): boolean {
    const object = `${problem.kind} ${problem.object}`
    const told = this.#told.get(object) ?? new Set<string>()
    const content = `${problem.field} ${problem.value} ${problem.fix}`
    if (told.has(content)) return true
    if (told.size >= rememberedProblems) told.clear()
    told.add(content)
    this.#remember(object, told)
    return false
  }

  #remember(object: string, told: Set<string>): void {
    this.#told.delete(object)
    this.#told.set(object, told)
    if (this.#told.size <= rememberedObjects) return
    const oldest = this.#told.keys().next().value
    if (oldest !== undefined) this.#told.delete(oldest)
  }
}

const knownKinds = new Set(['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'])

/** Few enough to be a metric's labels: positions in lists are left out, and whatever a file calls its objects. */
function countedField({ kind, field }: ObjectProblem): string {
  return knownKinds.has(kind) ? `${kind} ${field.replace(/\[\d+\]/g, '[]')}` : 'other'
}
