import type { Registry } from 'prom-client'
import type { KubeProxyConfiguration } from '../config/proxy-config.ts'
import { expose } from '../metrics/exposition.ts'
import { HealthcheckMetrics } from '../metrics/healthcheck-metrics.ts'
import { type HttpAnswer, type HttpHandler, type HttpRequest, jsonAnswer, textAnswer } from './http-answer.ts'

export interface MetricsPagesOptions {
  readonly registry: Registry
  /** What `/proxyMode` answers: of our own dataplanes kube-proxy's word for it where it has one. */
  readonly proxyMode: string
  /** For `/configz`. */
  readonly configuration: KubeProxyConfiguration
}

/** The pages of kube-proxy's metrics server (SEMANTICS 11), by their paths. */
export function metricsPages(options: MetricsPagesOptions): Readonly<Record<string, HttpHandler>> {
  const { registry, proxyMode, configuration } = options
  const healthchecks = new HealthcheckMetrics()
  const page =
    (shown: Registry): HttpHandler =>
    (request) =>
      exposition(shown, request)
  const healthz = (): HttpAnswer => {
    healthchecks.passed()
    return textAnswer(200, 'ok')
  }
  return {
    '/metrics': page(registry),
    '/metrics/slis': page(healthchecks.registry),
    '/healthz': healthz,
    '/healthz/ping': healthz,
    '/proxyMode': () => textAnswer(200, proxyMode),
    '/configz': () => jsonAnswer(200, { 'kubeproxy.config.k8s.io': configuration }),
  }
}

async function exposition(registry: Registry, { headers }: HttpRequest): Promise<HttpAnswer> {
  const { accept, 'accept-encoding': encoding } = headers
  const acceptEncoding = Array.isArray(encoding) ? encoding.join() : encoding
  return { status: 200, ...(await expose(registry, { accept, acceptEncoding })) }
}
