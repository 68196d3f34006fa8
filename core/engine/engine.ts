import type { Dataplane } from '../dataplane/contract.ts'
import { type IpFamily, ipFamilies } from '../network/address.ts'
import type { LiveTable } from './live-table.ts'
import type { EngineObserver } from './observer.ts'
import { observers } from './observers.ts'
import type { SyncProgress } from './progress.ts'
import { SyncLoop } from './sync-loop.ts'
import { realTiming, type Timing } from './timing.ts'

export interface EngineOptions {
  readonly dataplane: Dataplane
  /** The families to keep, each with its own table; a family without one is not touched. */
  readonly tables: Readonly<Partial<Record<IpFamily, LiveTable>>>
  /** Least time between two applies of a family, in milliseconds; default 0. */
  readonly minSyncPeriod?: number
  /** Time between two comparisons of the kernel with the table, in milliseconds; default 0: never. */
  readonly auditPeriod?: number
  /** Whether `firstApplied` waits until what the kernel holds has been read back and is right. Default: no. */
  readonly verifiesFirst?: boolean
  readonly observer?: EngineObserver
  readonly timing?: Timing
}

/** Keeps the kernel as the tables say, each family in a loop of its own: one that fails doesn't hold up the other. */
export class Engine {
  readonly #loops = new Map<IpFamily, SyncLoop>()

  constructor(options: EngineOptions) {
    const { dataplane, tables, timing = realTiming } = options
    const observer = observers(options.observer === undefined ? [] : [options.observer])
    for (const family of ipFamilies) {
      const live = tables[family]
      if (live === undefined || !dataplane.capabilities.families.includes(family)) continue
      const loop = new SyncLoop({
        family,
        live,
        dataplane,
        timing,
        minSyncPeriod: options.minSyncPeriod ?? 0,
        auditPeriod: options.auditPeriod ?? 0,
        verifiesFirst: options.verifiesFirst ?? false,
        observer,
      })
      this.#loops.set(family, loop)
    }
  }

  get families(): readonly IpFamily[] {
    return [...this.#loops.keys()]
  }

  /** Resolves when every family's kernel state first is as its table says; never, if stopped before. */
  get firstApplied(): Promise<void> {
    return Promise.all([...this.#loops.values()].map((loop) => loop.firstApplied)).then(() => {})
  }

  /** To be called once the cluster state is complete, and the dataplane started. */
  start(): void {
    for (const loop of this.#loops.values()) loop.start()
  }

  /** The family's table may have changed; before `start` this is only remembered. */
  notify(family: IpFamily, received?: number): void {
    this.#loops.get(family)?.notify(received)
  }

  /** How far the family is; `undefined` for one that isn't kept. */
  progress(family: IpFamily): SyncProgress | undefined {
    return this.#loops.get(family)?.progress
  }

  /** Has the family audited soon, rather than when its time has come. */
  suspectDrift(family: IpFamily): void {
    this.#loops.get(family)?.suspectDrift()
  }

  /**
   * Compares all that the kernel holds with the tables, and repairs what differs.
   *
   * @returns what differed, of all families; empty: the kernel holds what the tables say. Never, if stopped before
   * @throws whatever keeps a family from being compared; it is tried again in any case
   */
  async verify(): Promise<readonly string[]> {
    const found = await Promise.all([...this.#loops.values()].map((loop) => loop.verify()))
    return found.flat()
  }

  /** Resolves when the applies under way have ended. The rules stay in the kernel. */
  async stop(): Promise<void> {
    await Promise.all([...this.#loops.values()].map((loop) => loop.stop()))
  }
}
