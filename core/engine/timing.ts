/** Time, timers and chance as the engine sees them, so that its tests can hold them in their hands. */
export interface Timing {
  /** Milliseconds since some fixed moment, never going backwards, with fractions. */
  now(): number
  /** Runs `task` when the events that have already arrived are all delivered. */
  soon(task: () => void): void
  /** Runs `task` after `milliseconds`; the returned function calls it off. */
  after(milliseconds: number, task: () => void): () => void
  /** Uniform in [0, 1). */
  random(): number
}

export const realTiming: Timing = {
  now: () => performance.now(),
  // Right after the poll phase that delivered the event: what came in the same read joins the same apply, and no
  // timer's millisecond is waited for.
  soon: (task) => void setImmediate(task),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}
