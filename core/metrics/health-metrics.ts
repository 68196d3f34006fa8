import { Counter, type Registry } from 'prom-client'

/** How often the proxy's health was asked for, and what the answer was. */
export class HealthMetrics {
  readonly #totals: Readonly<Record<'/healthz' | '/livez', Counter<'code'>>>

  constructor(registry: Registry) {
    const total = (path: 'healthz' | 'livez') =>
      new Counter({
        name: `kubeproxy_proxy_${path}_total`,
        help: `Answers of /${path}, by HTTP status.`,
        labelNames: ['code'],
        registers: [registry],
      })
    this.#totals = { '/healthz': total('healthz'), '/livez': total('livez') }
  }

  answered(path: '/healthz' | '/livez', status: 200 | 503): void {
    this.#totals[path].inc({ code: status })
  }
}
