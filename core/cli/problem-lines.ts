import type { ObjectProblem } from '../cluster/records.ts'
import { RequestBudget } from '../events/request-budget.ts'
import type { Logger } from '../log/logger.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { describeProblem } from './describe-problem.ts'

/**
 * Enough for the start in a cluster with many old mistakes; then one a second, because an author who changes an object
 * from one mistake to the next, again and again, decides how many problems there are.
 */
const lines = { burst: 1000, everyMs: 1000 } as const

/** A line for each problem in an object, as far as there is room; the others are counted in `object-problems`. */
export function problemLines(logger: Logger, clock: Clock = systemClock): (problem: ObjectProblem) => void {
  const budget = new RequestBudget(lines)
  return (problem) => {
    const now = clock.now()
    if (budget.wait(now) > 0) return
    budget.spend(now)
    logger.warn({ event: 'object-problem', problem }, describeProblem(problem))
  }
}
