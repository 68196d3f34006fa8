import { Counter, Gauge, Registry } from 'prom-client'

/** For `/metrics/slis`: the health checks of this server, as every component of Kubernetes shows its own. */
export class HealthcheckMetrics {
  readonly registry = new Registry()
  readonly #total: Counter<'name' | 'type' | 'status'>

  constructor() {
    const registers = [this.registry]
    // That this server answers is the whole check: it can't be seen to fail.
    new Gauge({
      name: 'kubernetes_healthcheck',
      help: 'Result of a health check: 1 passed, 0 failed.',
      labelNames: ['name', 'type'],
      registers,
    }).set({ name: 'ping', type: 'healthz' }, 1)
    this.#total = new Counter({
      name: 'kubernetes_healthchecks_total',
      help: 'Health checks by their result.',
      labelNames: ['name', 'type', 'status'],
      registers,
    })
    this.#total.inc({ name: 'ping', type: 'healthz', status: 'success' }, 0)
  }

  passed(): void {
    this.#total.inc({ name: 'ping', type: 'healthz', status: 'success' })
  }
}
