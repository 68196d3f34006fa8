import type { Clock } from '../clock.ts'

/** For tests: a clock that moves only when it is told to. */
export class VirtualClock implements Clock {
  #now = 0
  #tasks: { readonly at: number; readonly task: () => void }[] = []

  now(): number {
    return this.#now
  }

  after(delayMs: number, task: () => void): () => void {
    const entry = { at: this.#now + delayMs, task }
    this.#tasks.push(entry)
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry)
    }
  }

  /** Runs what is due within this time, each at its own moment and followed by a turn of the event loop. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = this.#tasks
        .filter(({ at }) => at <= end)
        .reduce<{ at: number; task: () => void } | undefined>(
          (first, entry) => (first === undefined || entry.at < first.at ? entry : first),
          undefined,
        )
      if (next === undefined) break
      this.#tasks = this.#tasks.filter((entry) => entry !== next)
      this.#now = next.at
      next.task()
      await new Promise(setImmediate)
    }
    this.#now = end
    await new Promise(setImmediate)
  }
}
