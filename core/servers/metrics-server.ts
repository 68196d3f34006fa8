import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Logger } from '../log/logger.ts'
import type { ProxyMetrics } from '../metrics/proxy-metrics.ts'
import type { IpFamily } from '../network/address.ts'
import { byPath } from './http-answer.ts'
import { type RunningHttpServer, startHttpServer } from './http-server.ts'
import { listenAddresses } from './listen-addresses.ts'
import { metricsPages } from './metrics-pages.ts'

export interface MetricsServerOptions {
  readonly config: ProxyConfig
  readonly metrics: ProxyMetrics
  readonly families: readonly IpFamily[]
  readonly logger: Logger
}

/**
 * Starts what kube-proxy serves on 127.0.0.1:10249; nothing where the configuration says so.
 *
 * @throws {ServerError} as {@link startHttpServer} does
 */
export async function startMetricsServer(
  options: MetricsServerOptions,
): Promise<RunningHttpServer | undefined> {
  const { config, metrics, families, logger } = options
  const { metrics: address, bindAddressHardFail: hardFail } = config.servers
  if (address === undefined) return undefined
  const handler = byPath(
    metricsPages({
      registry: metrics.registry,
      proxyMode: config.proxyMode,
      configuration: config.kubeProxyConfiguration,
    }),
  )
  const addresses = listenAddresses(address, families)
  return await startHttpServer({ name: 'metrics', addresses, handler, hardFail, logger })
}
