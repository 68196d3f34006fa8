import type { TouchedSets } from '../touched.ts'
import { CountedSet } from './counted-set.ts'

/** The health check node ports of a table's Services (SEMANTICS 11). */
export class HealthCheckPorts {
  readonly #ports = new CountedSet<number>()
  /** Only of Services that have one. */
  readonly #portOf = new Map<string, number>()

  get ports(): ReadonlySet<number> {
    return this.#ports.values
  }

  /** @param port 0: the Service has none */
  place(service: string, port: number, { healthCheckNodePorts }: TouchedSets['sets']): void {
    const before = this.#portOf.get(service) ?? 0
    if (before === port) return
    if (before !== 0 && this.#ports.release(before)) healthCheckNodePorts.add(before)
    if (port !== 0 && this.#ports.hold(port)) healthCheckNodePorts.add(port)
    if (port === 0) this.#portOf.delete(service)
    else this.#portOf.set(service, port)
  }
}
