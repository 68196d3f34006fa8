import type { Logger } from '../log/logger.ts'
import { type Clock, systemClock } from '../time/clock.ts'

/** Milliseconds between two lines of one server, at least: anybody may make a handler throw. */
const faultPeriod = 60_000

/** Logs what a server's handlers throw. */
export function faultLog(
  server: string,
  logger: Logger,
  clock: Clock = systemClock,
): (error: unknown) => void {
  let last = Number.NEGATIVE_INFINITY
  return (error) => {
    if (clock.now() - last < faultPeriod) return
    last = clock.now()
    const stack = error instanceof Error ? error.stack : undefined
    logger.error(
      { event: 'request-failed', server, ...(stack === undefined ? {} : { stack }) },
      `the ${server} server could not answer a request, which is a defect of Portolan: ${String(error)}`,
    )
  }
}
