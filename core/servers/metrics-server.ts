import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Dataplane } from '../dataplane/contract.ts'
import type { KnownNode } from '../explain/answer.ts'
import type { Logger } from '../log/logger.ts'
import type { ProxyMetrics } from '../metrics/proxy-metrics.ts'
import { systemClock } from '../time/clock.ts'
import type { DriftLog } from './drift-log.ts'
import { explainPage } from './explain-page.ts'
import { byPath, jsonAnswer } from './http-answer.ts'
import { type RunningHttpServer, startHttpServer } from './http-server.ts'
import { listenAddresses } from './listen-addresses.ts'
import { metricsPages } from './metrics-pages.ts'
import { type ShownTables, tablePage } from './table-page.ts'

/** What the pages show of a proxy. */
export interface ShownProxy extends ShownTables, KnownNode {
  readonly dataplane: Pick<Dataplane, 'trace'>
}

export interface MetricsServerOptions {
  readonly config: ProxyConfig
  readonly metrics: ProxyMetrics
  readonly proxy: ShownProxy
  readonly driftLog: DriftLog
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
  const { config, metrics, proxy, driftLog, logger } = options
  const { metrics: address, bindAddressHardFail: hardFail, enableProfiling } = config.servers
  if (address === undefined) return undefined
  const { families } = proxy
  const handler = byPath({
    ...metricsPages({
      registry: metrics.registry,
      proxyMode: config.dataplane,
      configuration: config.kubeProxyConfiguration,
    }),
    '/table': tablePage(proxy),
    '/explain': explainPage(proxy, proxy.dataplane),
    ...(enableProfiling ? (await import('./profiling-pages.ts')).profilingPages(systemClock) : {}),
    '/drift': () => jsonAnswer(200, { drift: driftLog.entries }),
  })
  const addresses = listenAddresses(address, families)
  return await startHttpServer({ name: 'metrics', addresses, handler, hardFail, logger })
}
