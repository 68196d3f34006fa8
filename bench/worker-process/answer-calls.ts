import type { Calls, Push, Request, Response } from './worker-process.ts'

/**
 * Makes this process a worker process: answers the calls of the process that started it, until that lets go of it or a signal
 * comes. Then it runs `cleanUp` and exits.
 */
export function answerCalls<Of extends Calls<Of>>(calls: Of, cleanUp: () => Promise<void>): void {
  let ending = false
  const end = () => {
    if (ending) return
    ending = true
    cleanUp().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('disconnect', end)
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('message', ({ id, call, args }: Request) => {
    const answer = calls[call as keyof Of] as unknown as (...args: unknown[]) => Promise<unknown>
    answer(...args).then(
      (value) => tell({ id, value }),
      (error: unknown) => tell({ id, error: error instanceof Error ? error.message : String(error) }),
    )
  })
  // It may have let go while this process was still starting.
  if (!process.connected) end()
}

/** Tells the process that started this one something that it didn't ask for. */
export function push(message: unknown): void {
  tell({ push: message })
}

function tell(message: Response | Push): void {
  if (process.connected) process.send?.(message, undefined, {}, () => {})
}
