import type { Timing } from '../timing.ts'

/** Time that passes only when the test says so. */
export class FakeTiming implements Timing {
  time = 0
  /** How much of that nothing of ours has worked. */
  idle = 0
  #due: { at: number; task: () => void }[] = []

  now(): number {
    return this.time
  }
  soon(task: () => void): void {
    this.#due.push({ at: this.time, task })
  }
  after(milliseconds: number, task: () => void): () => void {
    const entry = { at: this.time + milliseconds, task }
    this.#due.push(entry)
    return () => {
      this.#due = this.#due.filter((other) => other !== entry)
    }
  }
  cpu(): number {
    return this.time - this.idle
  }
  random(): number {
    return 1
  }

  /** Lets `milliseconds` pass, doing what is due in its order. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds
    await settle()
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#due = this.#due.filter((other) => other !== next)
      this.time = Math.max(this.time, next.at)
      next.task()
      await settle()
    }
    this.time = end
  }
}

/** Lets every promise that can settle do so. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))
