import type { DataplaneError } from '../dataplane/dataplane-error.ts'
import type { EngineObserver } from '../engine/observer.ts'
import type { HealthProblem } from './health-problems.ts'

/** How often the dataplane broke its contract since the start, and how it did last. */
export class DataplaneFaults implements EngineObserver {
  #count = 0
  #last: DataplaneError | undefined

  onFault(fault: DataplaneError): void {
    this.#count++
    this.#last = fault
  }

  /** One, or none. */
  get problems(): readonly HealthProblem[] {
    if (this.#last === undefined) return []
    const { code, method } = this.#last
    return [{ problem: 'dataplane-fault', code, method, faults: this.#count }]
  }
}
