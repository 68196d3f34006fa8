import type { Written } from '../cluster/api-server.ts'
import { probePod } from '../cluster/probe-services.ts'
import type { AppliedEvents } from '../proxy/event-trace.ts'
import type { ProxyInternals } from '../proxy/proxy-under-test.ts'

const timeoutMs = 5 * 60_000
const lookEveryMs = 20

type Traced = Pick<ProxyInternals, 'takeTrace'>

/**
 * The applies of so many events, as they were traced while it was quiet; waits until all are in the kernel.
 *
 * @throws when they aren't after five minutes
 */
export async function takeTraced(inside: Traced, events: number): Promise<AppliedEvents[]> {
  return await takeUntil(inside, (applies) => {
    const missing = events - eventsIn(applies)
    return missing <= 0 ? undefined : `${missing} of ${events} changes were not applied in time`
  })
}

/**
 * The same of events that needn't change the routing table. An apply brings all that came before it, so a probe Service
 * is pointed elsewhere and back, which is sure to change the table, until nothing is missing: an event may come over
 * another watch than the probe's, and after it. One by one, because both at once would change nothing.
 *
 * @param point gives a probe Service this pod of the remote node
 * @throws when an event isn't there after five minutes
 */
export async function takeByProbes(
  inside: Traced,
  point: (pod: number) => Promise<Written>,
  events: number,
): Promise<AppliedEvents[]> {
  const applies: AppliedEvents[] = []
  let missing = events
  const end = Date.now() + timeoutMs
  do {
    if (Date.now() > end) throw new Error(`${missing} of ${events} changes did not arrive in time`)
    for (const pod of [probePod + 1, probePod]) {
      const written = await point(pod)
      missing += written.events
      const taken = await takeUntil(inside, (some) =>
        some.some(({ received }) => received.some((time) => time >= written.sentAt))
          ? undefined
          : 'the change of a probe was not applied in time',
      )
      missing -= eventsIn(taken)
      applies.push(...taken)
    }
    if (missing > 0) await pause()
  } while (missing > 0)
  return applies
}

/** @param whyNot what is still missing; `undefined`: nothing */
async function takeUntil(
  inside: Traced,
  whyNot: (applies: readonly AppliedEvents[]) => string | undefined,
): Promise<AppliedEvents[]> {
  const applies: AppliedEvents[] = []
  const end = Date.now() + timeoutMs
  for (;;) {
    applies.push(...(await inside.takeTrace()))
    const why = whyNot(applies)
    if (why === undefined) return applies
    if (Date.now() > end) throw new Error(why)
    await pause()
  }
}

function eventsIn(applies: readonly AppliedEvents[]): number {
  return applies.reduce((sum, { received }) => sum + received.length, 0)
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookEveryMs))
}
