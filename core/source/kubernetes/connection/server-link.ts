import type { Logger } from '../../../log/logger.ts'
import { type Clock, pause } from '../../../time/clock.ts'
import { type CredentialSource, type Credentials, fingerprint } from '../credentials/credentials.ts'
import type { Timings } from '../timings.ts'
import { ApiError, asApiError } from './api-error.ts'
import type { Connection } from './connection.ts'
import { LookPace } from './look-pace.ts'
import { openConnection } from './open-connection.ts'

export interface ServerLinkOptions {
  readonly credentials: CredentialSource
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  readonly logger: Logger
  /** There is a connection, or another one. */
  readonly onConnected: () => void
}

/** A connection and whose it is. */
export interface Link {
  readonly connection: Connection
  /** Equal for equal credentials. */
  readonly identity: string
  /** The server's: `10.0.0.1:6443`. */
  readonly host: string
  readonly openedAt: number
}

/**
 * Keeps one connection to the server. When it breaks, the server is looked for until there is another one. When it
 * falls silent, it is kept, and another one is tried beside it: whichever speaks first is used, so that a server that
 * was frozen costs nothing, and a connection that is dead no more than a look.
 */
export class ServerLink {
  readonly #options: ServerLinkOptions
  readonly #pace: LookPace
  readonly #stopping = new AbortController()
  #link: Link | undefined
  /** What the attempt that is next or under way comes to, for those that wait for it. */
  #outcome: PromiseWithResolvers<Link> | undefined
  #seeking = false
  /** Until the next attempt. */
  #waitMs = 0
  #renewing: Promise<Link> | undefined
  #saidSilent = false

  constructor(options: ServerLinkOptions) {
    this.#options = options
    this.#pace = new LookPace(options.timings, options.random)
  }

  /** The connection by which requests can be made, if there is one. */
  get current(): Link | undefined {
    return this.#link?.connection.usable ? this.#link : undefined
  }

  /** The connection that there is, or the next one. Throws {@link ApiError} when the next attempt to connect fails. */
  open(): Promise<Link> {
    if (this.#stopping.signal.aborted) return Promise.reject(stopped())
    const { current } = this
    if (current !== undefined) return Promise.resolve(current)
    this.#outcome ??= Promise.withResolvers()
    void this.#seek()
    return this.#outcome.promise
  }

  /**
   * A connection with the credentials of this moment: the same one if they are the same. Throws {@link ApiError}.
   * @param why `refused`: the server doesn't accept those of this connection
   */
  async renew(link: Link, why: 'routine' | 'refused'): Promise<Link> {
    if (link !== this.#link) return await this.open()
    this.#renewing ??= this.#replace(link, why).finally(() => {
      this.#renewing = undefined
    })
    return await this.#renewing
  }

  close(): void {
    this.#stopping.abort()
    this.#outcome?.reject(stopped())
    this.#outcome = undefined
    this.#link?.connection.close(stopped())
    this.#link = undefined
  }

  async #replace(old: Link, why: 'routine' | 'refused'): Promise<Link> {
    const credentials = await this.#read(why)
    if (fingerprint(credentials) === old.identity) return old
    const link = await this.#connect(credentials)
    this.#use(link, 'token or certificate was replaced')
    return link
  }

  /** Tries to connect until there is a connection that speaks. */
  async #seek(): Promise<void> {
    if (this.#seeking) return
    this.#seeking = true
    const { clock, logger } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted && this.#isNeeded()) {
      await pause(clock, this.#waitMs, signal)
      if (signal.aborted || !this.#isNeeded()) break
      await this.#look()
    }
    this.#seeking = false
    if (this.#saidSilent && !signal.aborted)
      logger.info({ event: 'api-answers' }, 'the API server answers again')
    this.#saidSilent = false
  }

  #isNeeded(): boolean {
    return this.current === undefined || this.current.connection.silent
  }

  async #look(): Promise<void> {
    const { clock, timings } = this.#options
    const startedAt = clock.now()
    try {
      const link = await this.#connect(await this.#read('routine'))
      const { signal } = this.#stopping
      if (this.current !== undefined) await pause(clock, timings.handoverMs, signal)
      if (signal.aborted) {
        link.connection.close(stopped())
        throw stopped()
      }
      if (!link.connection.usable) throw new ApiError('API_UNREACHABLE', 'the new connection broke at once')
      if (this.#isNeeded()) this.#use(link, 'it had stopped answering')
      else link.connection.close(new ApiError('API_CONNECTION_REPLACED', 'the other connection spoke first'))
    } catch (error) {
      const failure = asApiError(error)
      this.#waitMs = this.#pace.afterFailure(failure, clock.now() - startedAt)
      this.#outcome?.reject(failure)
      this.#outcome = undefined
    }
  }

  #use(link: Link, why: string): void {
    const old = this.#link
    this.#link = link
    this.#waitMs = 0
    this.#settle(link)
    old?.connection.close(new ApiError('API_CONNECTION_REPLACED', why))
    this.#options.onConnected()
  }

  #settle(link: Link): void {
    this.#outcome?.resolve(link)
    this.#outcome = undefined
  }

  async #connect(credentials: Credentials): Promise<Link> {
    const { clock, timings, logger } = this.#options
    const { signal } = this.#stopping
    if (signal.aborted) throw stopped()
    let link: Link | undefined
    const onTrouble = () => {
      if (link !== undefined) this.#troubled(link)
    }
    const connection = await openConnection({ credentials, clock, timings, signal, onTrouble })
    if (signal.aborted) {
      connection.close(stopped())
      throw stopped()
    }
    logger.debug({ server: credentials.server.href, protocol: connection.protocol }, 'connected')
    const { host } = credentials.server
    link = { connection, identity: fingerprint(credentials), host, openedAt: clock.now() }
    return link
  }

  #troubled(link: Link): void {
    const { clock, logger, random, timings } = this.#options
    if (link !== this.#link || this.#stopping.signal.aborted) return
    if (link.connection.usable) {
      this.#saidSilent = true
      logger.warn(
        { event: 'api-silent', code: 'API_SILENT' },
        'the API server has stopped answering; trying another connection',
      )
      if (!this.#seeking) this.#waitMs = random() * timings.lookMs
    } else this.#waitMs = this.#pace.afterLoss(clock.now() - link.openedAt)
    void this.#seek()
  }

  async #read(why: 'routine' | 'refused'): Promise<Credentials> {
    try {
      return await this.#options.credentials.read(why)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new ApiError('API_CREDENTIALS', `cannot read credentials: ${message}`, { cause: error })
    }
  }
}

function stopped(): ApiError {
  return new ApiError('API_UNREACHABLE', 'stopped')
}
