/** How the process of `portolan run` ends: by a signal, by an error that nothing waited for, or after everything else. */
import { thrownMessage } from '../dataplane/dataplane-error.ts'
import type { RunningProxy } from '../proxy/proxy.ts'
import type { ProcessLogger } from './log.ts'
import { onStopSignals } from './stop-signals.ts'
import { exitCodes } from './user-error.ts'

/** Milliseconds from the end of everything to the end of the process, at most. */
const leftOpenGrace = 2000

/**
 * Until there is a proxy to stop, a signal ends the process at once. Nothing else would, where it is the first one of its
 * container: the kernel keeps signals from such a process that it doesn't listen to.
 */
export function endOnSignals(logger: ProcessLogger): () => void {
  return onStopSignals((signal) => {
    logger.info({ event: 'stopping', signal }, 'stopping before the start is done')
    process.exit()
  })
}

/** A second signal doesn't wait for the apply under way. */
export function stopOnSignals(proxy: RunningProxy, logger: ProcessLogger): () => void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1)
    asked = true
    logger.info({ event: 'stopping', signal }, 'stopping')
    proxy.stop().catch((error: unknown) => {
      const { fix } = (error ?? {}) as { readonly fix?: unknown }
      logger.error(
        { event: 'stop-failed', ...(typeof fix === 'string' ? { fix } : {}) },
        `stopping failed: ${thrownMessage(error)}; the process ends, and the rules stay in place`,
      )
      process.exit(1)
    })
  }
  return onStopSignals(onSignal)
}

/** An error that no caller waits for (a dataplane's timer, a promise without a handler) ends the process by a log line. */
export function endOnStrayErrors(logger: ProcessLogger): void {
  const end = (error: unknown): void => {
    const { stack } = (error ?? {}) as { readonly stack?: unknown }
    logger.fatal(
      { event: 'stray-error', ...(typeof stack === 'string' ? { stack } : {}) },
      `an error that nothing waited for: ${thrownMessage(error)}; the process ends, and the rules stay in place. ` +
        "Report it, with the stack, to the author of the dataplane, or to Portolan's",
    )
    process.exit(exitCodes.failure)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

/** Timers and sockets that a dataplane has left open don't keep a stopped process. */
export function endSoon(logger: ProcessLogger): void {
  const end = (): void => {
    const holding = process.getActiveResourcesInfo().join(', ')
    logger.warn(
      { event: 'left-open', holding },
      'the dataplane has left something open; the process ends anyway',
    )
    process.exit()
  }
  setTimeout(end, leftOpenGrace).unref()
}
