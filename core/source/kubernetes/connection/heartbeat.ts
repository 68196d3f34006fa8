import type { Clock } from '../../../time/clock.ts'
import type { Timings } from '../timings.ts'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly timings: Pick<Timings, 'heartbeatIntervalMs' | 'heartbeatTimeoutMs'>
  /** Bytes received so far: any progress is a sign of life. */
  readonly bytesReceived: () => number
  /** Asks for a sign of life; calls `answered` when it comes. */
  readonly ask: (answered: () => void) => void
  /** There is no sign of life. */
  readonly onIdle: () => void
  /** There is one again. */
  readonly onSpeech: () => void
}

/** How often a silent peer is looked after. */
const silentCheckMs = 100

/**
 * Notices a peer that keeps its connection open but has stopped answering, and that it speaks again. Worst case from
 * the last byte to `onIdle`: two intervals and one timeout. Returns the function that ends it.
 */
export function startHeartbeat(options: HeartbeatOptions): () => void {
  const { clock, timings, bytesReceived, ask, onIdle, onSpeech } = options
  let stopped = false
  let cancel = () => {}
  let bytesAtBeat = bytesReceived()

  const wait = () => {
    if (!stopped) cancel = clock.after(timings.heartbeatIntervalMs, beat)
  }
  const beat = () => {
    const bytes = bytesReceived()
    if (bytes !== bytesAtBeat) {
      bytesAtBeat = bytes
      wait()
      return
    }
    let answered = false
    ask(() => {
      answered = true
    })
    cancel = clock.after(timings.heartbeatTimeoutMs, () => {
      // An event loop that was busy with a large list sees this timer before it reads the answer that has long been
      // in the socket: one turn of the loop lets the sockets speak first.
      setImmediate(() => {
        if (stopped) return
        if (answered || bytesReceived() !== bytesAtBeat) return wait()
        onIdle()
        listen()
      })
    })
  }
  const listen = () => {
    if (stopped) return
    cancel = clock.after(silentCheckMs, () => {
      const bytes = bytesReceived()
      if (bytes === bytesAtBeat) return listen()
      bytesAtBeat = bytes
      onSpeech()
      wait()
    })
  }
  wait()
  return () => {
    stopped = true
    cancel()
  }
}
