import { Counter, Histogram, type Registry } from 'prom-client'
import type {
  ApiObserver,
  ObservedAnswer,
  ObservedFailure,
  ObservedRequest,
} from '../source/kubernetes/api-observer.ts'
import { buckets } from './buckets.ts'

/** Requests to the API server, as client-go counts them, and as ours what else happens on the way to it. */
export class ApiMetrics implements ApiObserver {
  readonly #requests: Counter<'code' | 'method' | 'host'>
  readonly #durations: Histogram<'verb' | 'host'>
  readonly #connections: Counter
  readonly #failures: Counter<'resource' | 'code'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Requests to the API server by status; code <error>: no answer came.',
      labelNames: ['code', 'method', 'host'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Time until an answer had been read, or that to a watch had begun.',
      labelNames: ['verb', 'host'],
      buckets: buckets.request,
      registers,
    })
    this.#connections = new Counter({
      name: 'portolan_api_connections_total',
      help: 'Connections to the API server; all but the first are reconnects.',
      registers,
    })
    this.#failures = new Counter({
      name: 'portolan_api_failures_total',
      help: 'Attempts to list or watch that failed, by resource and error code.',
      labelNames: ['resource', 'code'],
      registers,
    })
  }

  onConnected(): void {
    this.#connections.inc()
  }

  onRequest({ method, host, status }: ObservedRequest): void {
    this.#requests.inc({ code: status === undefined ? '<error>' : String(status), method, host })
  }

  onAnswer({ method, host, seconds }: ObservedAnswer): void {
    this.#durations.observe({ verb: method, host }, seconds)
  }

  onFailure({ resource, code }: ObservedFailure): void {
    this.#failures.inc({ resource, code })
  }
}
