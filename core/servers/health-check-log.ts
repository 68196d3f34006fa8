import { printSocketAddress } from '../config/socket-address.ts'
import type { Logger } from '../log/logger.ts'
import type { IpFamily } from '../network/address.ts'
import { listenFix } from '../network/listen-fix.ts'
import type { UnavailableCheck } from './service-health.ts'

/** Services that are told one by one while their ports can't be had; of more the log would say nothing new. */
const maxTold = 20

/** What the log says of health check node ports that can't be opened. */
export class HealthCheckLog {
  readonly #logger: Logger
  readonly #told = new Set<string>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  unavailable({ family, service, at, error }: UnavailableCheck): void {
    if (this.#told.size >= maxTold) return
    this.#told.add(`${family} ${service}`)
    const address = printSocketAddress(at)
    this.#logger.warn(
      {
        event: 'health-check-unavailable',
        family,
        service,
        address,
        fix: listenFix((error as NodeJS.ErrnoException).code),
      },
      `the health check of Service ${service} can't listen on ${address}: ${error.message}; load balancers take this ` +
        'node for one without its endpoints, and it is tried again every 5 s',
    )
  }

  givenUp(family: IpFamily, service: string): void {
    this.#told.delete(`${family} ${service}`)
  }

  available(family: IpFamily, service: string, port: number): void {
    if (!this.#told.delete(`${family} ${service}`)) return
    this.#logger.info(
      { event: 'health-check-available', family, service, port },
      `the health check of Service ${service} is served on port ${port}`,
    )
  }
}
