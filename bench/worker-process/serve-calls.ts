import { createBirpc } from 'birpc'
import type { Calls, News } from './worker-process.ts'

const served = {}
let receive: (message: unknown) => void
const maker = createBirpc<News>(served, {
  post: (message) => {
    // It may let go at any moment, and then nothing is left to answer to.
    if (process.connected) process.send?.(message, undefined, {}, () => {})
  },
  // Until there is something to serve, calls wait in the channel.
  on: (listener) => {
    receive = listener
  },
  bind: 'functions',
  // A cold start may take minutes; the caller has a limit of its own where it needs one.
  timeout: -1,
})

/**
 * Makes this process a worker: it serves the calls of the process that started it, until that lets go of it or a signal
 * comes. Then it runs `cleanUp` and exits.
 */
export function serveCalls<Of extends Calls<Of>>(calls: Of, cleanUp: () => Promise<void>): void {
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
  Object.assign(served, calls)
  process.on('message', receive)
  // It may have let go while this process was still starting.
  if (!process.connected) end()
}

/** Sends the process that started this one something that it didn't ask for. */
export function report(message: unknown): void {
  void maker.news.asEvent(message)
}
