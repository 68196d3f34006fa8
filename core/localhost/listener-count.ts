/** Counts the NodePorts of both families at which somebody listens against how many may be. */
export class ListenerCount {
  readonly limit: number
  #total = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Whether there is room for one more; if so it is taken. */
  take(): boolean {
    if (this.#total >= this.limit) return false
    this.#total++
    return true
  }

  giveBack(): void {
    this.#total--
  }
}
