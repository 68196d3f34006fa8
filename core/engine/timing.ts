import { type Clock, systemClock } from '../time/clock.ts'
import { cpuTime } from '../time/cpu-time.ts'

/** Time, timers and chance as the engine sees them, so that its tests can hold them in their hands. */
export interface Timing extends Clock {
  /** Runs `task` when the events that have already arrived are all delivered. */
  soon(task: () => void): void
  /** What this process and the programs that it starts have used of CPUs, in milliseconds since some moment. */
  cpu(): number
  /** Uniform in [0, 1). */
  random(): number
}

export const realTiming: Timing = {
  ...systemClock,
  // Right after the poll phase that delivered the event: what came in the same read joins the same apply, and no
  // timer's millisecond is waited for.
  soon: (task) => void setImmediate(task),
  cpu: cpuTime,
  random: () => Math.random(),
}
