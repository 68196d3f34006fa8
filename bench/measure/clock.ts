import { monotonic } from '@portolan/lab/clock'

export { monotonic }

/** What to add to this thread's `performance.now()` to get `monotonic`'s time. */
export const sinceBoot = monotonic() - performance.now()
