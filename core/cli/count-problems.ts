import type { RunningProxy } from '../proxy/proxy.ts'
import type { ProcessLogger } from './log.ts'
import { problemSummary } from './problem-summary.ts'

/** Milliseconds between two looks whether there are new problems to sum up. */
const problemPeriod = 600_000

/** Problems are lines when they come up, as far as there is room; how many there are is one now and then, where there are new ones. */
export function countProblems(proxy: RunningProxy, logger: ProcessLogger): () => void {
  let told: string | undefined
  const tell = (): void => {
    const summary = problemSummary(proxy.problemCounts)
    if (summary === undefined || summary === told) return
    told = summary
    logger.warn(
      { event: 'object-problems', problems: Object.fromEntries(proxy.problemCounts) },
      `${summary} since the start; what they concern is left out, as the lines above say of the first ones, and everything else goes on`,
    )
  }
  proxy.firstApplied.then(tell)
  const timer = setInterval(tell, problemPeriod)
  timer.unref()
  return () => clearInterval(timer)
}
