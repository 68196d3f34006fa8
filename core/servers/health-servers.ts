import type { ProxyConfig } from '../config/proxy-config.ts'
import type { EngineObserver } from '../engine/observer.ts'
import { observers } from '../engine/observers.ts'
import type { Logger } from '../log/logger.ts'
import type { IpFamily } from '../network/address.ts'
import { readOpenFileLimit, shareFiles } from '../node/open-files.ts'
import type { HealthCheckListener } from '../table/builder/health-check-ports.ts'
import { isEverywhere } from '../table/builder/node-addresses.ts'
import { faultLog } from './fault-log.ts'
import { HealthCheckLog } from './health-check-log.ts'
import type { HealthProblem, WatchedProxy } from './health-problems.ts'
import { byPath } from './http-answer.ts'
import { type RunningHttpServer, startHttpServer } from './http-server.ts'
import { listenAddresses } from './listen-addresses.ts'
import { type HealthPath, ProxyHealth } from './proxy-health.ts'
import { ServiceHealth } from './service-health.ts'

export interface HealthServersOptions {
  readonly config: Pick<ProxyConfig, 'nodePortAddresses' | 'servers' | 'syncPeriod'>
  /** Those of the node. */
  readonly families: readonly IpFamily[]
  readonly logger: Logger
  /** healthz can't be served, for now; once, until it could. */
  readonly onUnavailable?: (message: string) => void
  /** A Service's health check node port can't be, for now; once, until it could. */
  readonly onServiceUnavailable?: (service: string, port: number, message: string) => void
  /** What others know that an operator should see in `/healthz`. */
  readonly problems?: () => readonly HealthProblem[]
  /** For metrics. */
  readonly onAnswer?: (path: HealthPath, status: 200 | 503) => void
}

/** All that tells others how this node is: `/healthz` and `/livez`, and the health check node ports of Services. */
export interface HealthServers extends AsyncDisposable {
  /** To be told what the engine does. */
  readonly observer: EngineObserver
  /** To be told of health checks that are to change, as `ProxyOptions` has it. */
  readonly onHealthCheck: (family: IpFamily, ...check: Parameters<HealthCheckListener>) => void
  /** To be told when there is a proxy. */
  watch(proxy: WatchedProxy): void
}

/** @throws {ServerError} when the address of healthz can't be had, and that is to be an error. */
export async function startHealthServers(options: HealthServersOptions): Promise<HealthServers> {
  const { config, families, logger, onAnswer, onUnavailable, problems } = options
  const { healthz, bindAddressHardFail } = config.servers
  const proxyHealth = new ProxyHealth({
    syncPeriod: config.syncPeriod,
    ...(onAnswer === undefined ? {} : { onAnswer }),
    ...(problems === undefined ? {} : { problems }),
  })
  const server: RunningHttpServer | undefined =
    healthz === undefined
      ? undefined
      : await startHttpServer({
          name: 'healthz',
          addresses: listenAddresses(healthz, families),
          handler: byPath({ '/healthz': proxyHealth.healthz, '/livez': proxyHealth.livez }),
          hardFail: bindAddressHardFail,
          logger,
          ...(onUnavailable === undefined ? {} : { onUnavailable }),
        })
  const log = new HealthCheckLog(logger)
  const serviceHealth = new ServiceHealth({
    families,
    isEverywhere: (family) => isEverywhere(config.nodePortAddresses, family),
    isHealthy: () => proxyHealth.isHealthy,
    onUnavailable(check) {
      log.unavailable(check)
      options.onServiceUnavailable?.(check.service, check.at.port, check.error.message)
    },
    onAvailable: (family, service, port) => log.available(family, service, port),
    onGivenUp: (family, service) => log.givenUp(family, service),
    onFault: faultLog('health check', logger),
    maxListeners: shareFiles(readOpenFileLimit()).healthChecks,
  })
  return {
    observer: observers([proxyHealth, serviceHealth]),
    onHealthCheck: (family, service, check) => serviceHealth.changed(family, service, check),
    watch: (proxy) => proxyHealth.watch(proxy),
    async [Symbol.asyncDispose]() {
      await Promise.all([server?.close(), serviceHealth.close()])
    },
  }
}
