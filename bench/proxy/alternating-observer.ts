import { type Applied, type EngineObserver, observers } from '@portolan/core/engine'

/** What changes have cost, in microseconds. */
export interface ObservedCosts {
  /** CPU time of a change, each on average over a few; what is at the same place in both lists came one after the other. */
  readonly cpu: { readonly with: readonly number[]; readonly without: readonly number[] }
  /** From a change's first byte until the kernel has it. */
  readonly latency: { readonly with: readonly number[]; readonly without: readonly number[] }
}

interface Turn {
  /** Of two that are compared. */
  readonly isFirst: boolean
  readonly begun: number
  changes: number
}

/** Few enough that what else the machine does befalls neighbors alike. */
const changesPerTurn = 16

/** Tells others, and on demand leaves them out in turns, to see what telling them costs. */
export class AlternatingObserver implements EngineObserver {
  readonly #told: EngineObserver
  readonly #cpu: () => number
  readonly #random: () => number
  #isOn = true
  #turn: Turn | undefined
  #costs = emptyCosts()

  /**
   * @param cpu what the process has used of CPUs, in microseconds
   * @param random in [0, 1): which comes first, so that nothing that comes again and again falls to one of them
   */
  constructor(told: readonly EngineObserver[], cpu: () => number, random: () => number) {
    this.#told = observers(told)
    this.#cpu = cpu
    this.#random = random
  }

  /** Begins to take turns. */
  alternate(): void {
    this.#costs = emptyCosts()
    this.#begin(true)
  }

  /** Ends it. */
  takeCosts(): ObservedCosts {
    this.#turn = undefined
    this.#isOn = true
    const { cpu, latency } = this.#costs
    // The last turn may have had no other one.
    const pairs = Math.min(cpu.with.length, cpu.without.length)
    return { cpu: { with: cpu.with.slice(0, pairs), without: cpu.without.slice(0, pairs) }, latency }
  }

  onPending: NonNullable<EngineObserver['onPending']> = (family) => {
    if (this.#isOn) this.#told.onPending?.(family)
  }

  onUnchanged: NonNullable<EngineObserver['onUnchanged']> = (family) => {
    if (this.#isOn) this.#told.onUnchanged?.(family)
  }

  onFailed: NonNullable<EngineObserver['onFailed']> = (failed) => this.#told.onFailed?.(failed)

  onApplied: NonNullable<EngineObserver['onApplied']> = (applied) => {
    if (this.#isOn) this.#told.onApplied?.(applied)
    if (this.#turn !== undefined) this.#count(this.#turn, applied)
  }

  #count(turn: Turn, { timings }: Applied): void {
    const kind = this.#isOn ? 'with' : 'without'
    if (timings.received !== undefined)
      this.#costs.latency[kind].push((timings.applied - timings.received) * 1000)
    if (++turn.changes < changesPerTurn) return
    this.#costs.cpu[kind].push((this.#cpu() - turn.begun) / changesPerTurn)
    this.#begin(!turn.isFirst)
  }

  #begin(isFirst: boolean): void {
    this.#isOn = isFirst ? this.#random() < 0.5 : !this.#isOn
    this.#turn = { isFirst, begun: this.#cpu(), changes: 0 }
  }
}

function emptyCosts() {
  const lists = () => ({ with: [] as number[], without: [] as number[] })
  return { cpu: lists(), latency: lists() }
}
