import { printSocketAddress, type SocketAddress } from '../config/socket-address.ts'
import type { Logger } from '../log/logger.ts'
import { listenFix } from '../network/listen-fix.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { faultLog } from './fault-log.ts'
import type { HttpHandler } from './http-answer.ts'
import { HttpListener } from './http-listener.ts'
import { ServerError } from './server-error.ts'

export interface HttpServerOptions {
  /** What it serves, for the log: `healthz`. */
  readonly name: string
  /** Where; see `listenAddresses` for what an operator means by one. */
  readonly addresses: readonly SocketAddress[]
  readonly handler: HttpHandler
  /** kube-proxy's bindAddressHardFail: an address that can't be had at the start is an error, rather than retried. */
  readonly hardFail: boolean
  /** An address can't be had, and is retried; once, until it could be. */
  readonly onUnavailable?: (message: string) => void
  readonly logger: Logger
  readonly clock?: Clock
}

export interface RunningHttpServer {
  /** Where it listens by now. */
  readonly addresses: readonly SocketAddress[]
  /** Ends open connections too. */
  close(): Promise<void>
}

/** Milliseconds between two attempts to listen, as in kube-proxy. */
const retryPeriod = 5000

/** Connections of one server, over all its addresses. */
const maxConnections = 512

/**
 * Starts an HTTP server on all its addresses. One that can't be had is tried again every five seconds: a warning says so
 * once, and an info when it listens.
 *
 * @throws {ServerError} with `hardFail`, when an address can't be had. Nothing is left open then.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<RunningHttpServer> {
  const connections = new ConnectionBudget(maxConnections)
  const onFault = faultLog(options.name, options.logger, options.clock)
  const attempts = options.addresses.map(
    (address) => new RetriedListener(options, address, connections, onFault),
  )
  const close = async (): Promise<void> => {
    await Promise.all(attempts.map((attempt) => attempt.close()))
  }
  const failures = await Promise.all(attempts.map((attempt) => attempt.begin()))
  const failure = failures.find((one) => one !== undefined)
  if (failure !== undefined) {
    await close()
    throw failure
  }
  return {
    get addresses() {
      return attempts.flatMap(({ bound }) => bound ?? [])
    },
    close,
  }
}

/** One address of a server, which listens or will try again. */
class RetriedListener {
  readonly #options: HttpServerOptions
  readonly #address: SocketAddress
  readonly #listener: HttpListener
  readonly #clock: Clock
  #bound: SocketAddress | undefined
  #failed = false
  #closed = false
  #current: Promise<unknown> = Promise.resolve()
  #cancel: (() => void) | undefined

  constructor(
    options: HttpServerOptions,
    address: SocketAddress,
    connections: ConnectionBudget,
    onFault: (error: unknown) => void,
  ) {
    this.#options = options
    this.#address = address
    this.#clock = options.clock ?? systemClock
    this.#listener = new HttpListener({
      handler: options.handler,
      connections,
      onFault,
    })
  }

  get bound(): SocketAddress | undefined {
    return this.#bound
  }

  /** The first attempt. Gives why it failed, where that is final. */
  async begin(): Promise<ServerError | undefined> {
    const error = await this.#listen()
    if (error === undefined) return undefined
    if (!this.#options.hardFail) {
      this.#retry(error)
      return undefined
    }
    return new ServerError(
      'SERVER_ADDRESS_UNAVAILABLE',
      this.#describe(error),
      listenFix((error as NodeJS.ErrnoException).code),
    )
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#current
    await this.#listener.close()
    this.#bound = undefined
  }

  async #listen(): Promise<Error | undefined> {
    try {
      this.#bound = await this.#listener.listen(this.#address)
    } catch (error) {
      return error as Error
    }
    const { logger, name } = this.#options
    const address = printSocketAddress(this.#bound)
    logger.info(
      { event: 'server-listening', server: name, address },
      `the ${name} server listens on ${address}`,
    )
    this.#failed = false
    return undefined
  }

  #retry(error: Error): void {
    this.#bound = undefined
    if (this.#closed) return
    if (!this.#failed) {
      const { logger, name, onUnavailable } = this.#options
      onUnavailable?.(this.#describe(error))
      logger.warn(
        {
          event: 'server-unavailable',
          server: name,
          address: printSocketAddress(this.#address),
          fix: listenFix((error as NodeJS.ErrnoException).code),
        },
        `${this.#describe(error)}; it is tried again every ${retryPeriod / 1000} s`,
      )
    }
    this.#failed = true
    this.#cancel = this.#clock.after(retryPeriod, () => {
      this.#current = this.#listen().then((again) => {
        if (again !== undefined) this.#retry(again)
      })
    })
  }

  #describe({ message }: Error): string {
    return `the ${this.#options.name} server can't listen on ${printSocketAddress(this.#address)}: ${message}`
  }
}
