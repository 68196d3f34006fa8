import type { Applied, Drift, EngineObserver } from '../engine/observer.ts'
import type { IpFamily } from '../network/address.ts'
import type { EventRecorder } from './event-recorder.ts'
import { rulesRepaired } from './proxy-events.ts'

/** Tells of each drift once it is repaired. */
export class DriftEvents implements EngineObserver {
  readonly #events: EventRecorder
  readonly #nodeName: string
  readonly #dataplane: string
  readonly #found = new Map<IpFamily, Drift>()

  constructor(events: EventRecorder, nodeName: string, dataplane: string) {
    this.#events = events
    this.#nodeName = nodeName
    this.#dataplane = dataplane
  }

  onDrift(drift: Drift): void {
    this.#found.set(drift.family, drift)
  }

  onApplied({ family }: Applied): void {
    const drift = this.#found.get(family)
    if (drift === undefined) return
    this.#found.delete(family)
    this.#events.record(rulesRepaired(this.#nodeName, this.#dataplane, family, drift.findings))
  }
}
