import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Dataplane } from '../dataplane/contract.ts'
import type { KnownNode } from '../explain/answer.ts'
import type { Logger } from '../log/logger.ts'
import type { ProxyMetrics } from '../metrics/proxy-metrics.ts'
import type { IpFamily } from '../network/address.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { boundedWork } from './bounded-work.ts'
import type { DriftLog } from './drift-log.ts'
import { explainPage } from './explain-page.ts'
import { byPath, type HttpHandler, jsonAnswer, textAnswer } from './http-answer.ts'
import { startHttpServer } from './http-server.ts'
import { listenAddresses } from './listen-addresses.ts'
import { metricsPages } from './metrics-pages.ts'
import type { ProxyStatus, StatusProxy } from './proxy-status.ts'
import { type ShownTables, tablePage } from './table-page.ts'

/** What the pages show of a proxy. */
export interface ShownProxy extends ShownTables, KnownNode, StatusProxy {
  readonly dataplane: Pick<Dataplane, 'trace'>
}

export interface MetricsServerOptions {
  readonly config: ProxyConfig
  /** Those of the node. */
  readonly families: readonly IpFamily[]
  readonly metrics: ProxyMetrics
  readonly driftLog: DriftLog
  readonly status: ProxyStatus
  readonly logger: Logger
  readonly clock?: Clock
}

export interface MetricsServer extends AsyncDisposable {
  /** To be told when there is a proxy; until then pages about it say that it starts. */
  watch(proxy: ShownProxy): void
}

/**
 * Starts what kube-proxy serves on 127.0.0.1:10249; nothing where the configuration says so.
 *
 * @throws {ServerError} as {@link startHttpServer} does
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { config, families, metrics, driftLog, status, logger, clock = systemClock } = options
  const { metrics: address, bindAddressHardFail: hardFail, enableProfiling } = config.servers
  let pages: Readonly<Record<'status' | 'table' | 'explain', HttpHandler>> | undefined
  const bounded = boundedWork(clock)
  const starting = textAnswer(503, 'the proxy is starting\n')
  const handler = byPath({
    ...metricsPages({
      registry: metrics.registry,
      proxyMode: config.dataplane,
      configuration: config.kubeProxyConfiguration,
    }),
    '/status': (request) => pages?.status(request) ?? starting,
    '/table': (request) => pages?.table(request) ?? starting,
    '/explain': (request) => pages?.explain(request) ?? starting,
    ...(enableProfiling ? (await import('./profiling-pages.ts')).profilingPages(clock) : {}),
    '/drift': () => jsonAnswer(200, { drift: driftLog.entries }),
  })
  const server =
    address === undefined
      ? undefined
      : await startHttpServer({
          name: 'metrics',
          addresses: listenAddresses(address, families),
          handler,
          hardFail,
          logger,
        })
  return {
    watch(proxy) {
      pages = {
        status: status.page(proxy),
        table: bounded(tablePage(proxy)),
        explain: bounded(explainPage(proxy, proxy.dataplane)),
      }
    },
    async [Symbol.asyncDispose]() {
      await server?.close()
    },
  }
}
