/** How many connections may be relayed at once. */
export interface RelayLimits {
  readonly total: number
  /** Of one NodePort, so that one Service's clients leave room for the others'. */
  readonly perPort: number
}

/** @param total see `FileShares` */
export function relayLimits(total: number): RelayLimits {
  return { total, perPort: Math.floor(total / 2) }
}

/** Counts relays against their limits, over all NodePorts of both families. */
export class RelayCount {
  readonly #limits: RelayLimits
  readonly #byPort = new Map<string, number>()
  #total = 0

  constructor(limits: RelayLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /** Whether there is room for one more of this port; if so it is taken. */
  take(port: string): boolean {
    const ofPort = this.#byPort.get(port) ?? 0
    if (this.#total >= this.#limits.total || ofPort >= this.#limits.perPort) return false
    this.#total++
    this.#byPort.set(port, ofPort + 1)
    return true
  }

  giveBack(port: string): void {
    this.#total--
    const left = (this.#byPort.get(port) ?? 1) - 1
    if (left === 0) this.#byPort.delete(port)
    else this.#byPort.set(port, left)
  }
}
