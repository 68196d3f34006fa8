import type { Address } from '../../network/address.ts'
import type { TouchedSets } from '../touched.ts'
import { CountedSet } from './counted-set.ts'
import { isLocal, type NodeTopology } from './endpoint-selection.ts'
import type { MergedEndpoint } from './slice-cache.ts'

/** What a Service's health check node port tells load balancers, in one family (SEMANTICS 11). */
export interface HealthCheck {
  readonly port: number
  /**
   * Addresses of ready endpoints on this node, each once whatever ports it has. One that is terminating gets traffic for a
   * while, but load balancers are to look elsewhere.
   */
  readonly localEndpoints: number
}

/** Told of what a Service's health check says now, when the table is drained; `undefined`: it has none any more. */
export type HealthCheckListener = (service: string, check: HealthCheck | undefined) => void

/** The health checks of a table's Services, and the set of their ports. */
export class HealthCheckPorts {
  readonly #ports = new CountedSet<number>()
  /** Only of Services that have one. */
  readonly #checks = new Map<string, HealthCheck>()
  readonly #onChange: HealthCheckListener | undefined

  constructor(onChange?: HealthCheckListener) {
    this.#onChange = onChange
  }

  get ports(): ReadonlySet<number> {
    return this.#ports.values
  }

  /** @param check absent: the Service has none */
  place(
    service: string,
    check: HealthCheck | undefined,
    { healthCheckNodePorts }: TouchedSets['sets'],
  ): void {
    const before = this.#checks.get(service)
    if (before?.port === check?.port && before?.localEndpoints === check?.localEndpoints) return
    if (before?.port !== check?.port) {
      if (before !== undefined && this.#ports.release(before.port)) healthCheckNodePorts.add(before.port)
      if (check !== undefined && this.#ports.hold(check.port)) healthCheckNodePorts.add(check.port)
    }
    if (check === undefined) this.#checks.delete(service)
    else this.#checks.set(service, check)
    this.#onChange?.(service, check)
  }
}

/** Adds the addresses of those endpoints that are on this node and ready. */
export function addLocalReady(
  addresses: Set<Address>,
  endpoints: readonly MergedEndpoint[],
  node: NodeTopology,
): void {
  for (const candidate of endpoints)
    if (candidate.endpoint.ready && isLocal(candidate, node)) addresses.add(candidate.endpoint.address)
}
