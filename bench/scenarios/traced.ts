import type { AppliedEvents } from '../subject/event-trace.ts'
import type { SubjectInside } from '../subject/subject.ts'

const patienceMs = 5 * 60_000
const lookEveryMs = 20

/**
 * The applies of so many events, as they were traced while it was quiet; waits until all are in the kernel.
 *
 * @throws when they aren't after five minutes
 */
export async function takeTraced(inside: SubjectInside, events: number): Promise<AppliedEvents[]> {
  const applies: AppliedEvents[] = []
  let taken = 0
  for (const end = Date.now() + patienceMs; taken < events; ) {
    if (Date.now() > end) throw new Error(`${events - taken} of ${events} changes were not applied in time`)
    for (const one of await inside.takeTrace()) {
      applies.push(one)
      taken += one.received.length
    }
    if (taken < events) await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
  return applies
}
