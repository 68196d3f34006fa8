import type { Logger } from '../../../log/logger.ts'
import type { Clock } from '../../../time/clock.ts'
import type { ApiError } from '../connection/api-error.ts'
import { member } from '../requests/api-object.ts'

/**
 * One line per failure, but not one per retry: the same kind of failure is said once in `repeatLogMs`, with how often
 * it happened in between.
 */
export class FailureLog {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #repeatLogMs: number
  readonly #resource: string
  readonly #onFailing: (error: ApiError | undefined) => void
  #said: { readonly kind: string; readonly at: number; unsaid: number } | undefined

  /** @param options `onFailing` is told of each failure, and of none when it works again */
  constructor(options: {
    readonly logger: Logger
    readonly clock: Clock
    readonly repeatLogMs: number
    readonly resource: string
    readonly onFailing: (error: ApiError | undefined) => void
  }) {
    this.#logger = options.logger
    this.#clock = options.clock
    this.#repeatLogMs = options.repeatLogMs
    this.#resource = options.resource
    this.#onFailing = options.onFailing
  }

  /** @param retryInMs absent: as soon as there is a connection */
  failed(error: ApiError, retryInMs?: number): void {
    this.#onFailing(error)
    const kind = `${error.code} ${error.status ?? systemCode(error.cause)}`
    const now = this.#clock.now()
    const said = this.#said
    if (said?.kind === kind && now - said.at < this.#repeatLogMs) {
      said.unsaid += 1
      return
    }
    const repeated = said?.kind === kind ? said.unsaid : 0
    this.#said = { kind, at: now, unsaid: 0 }
    this.#logger.warn(
      {
        event: 'api-failed',
        resource: this.#resource,
        code: error.code,
        ...(error.status === undefined ? {} : { status: error.status }),
        ...(repeated === 0 ? {} : { repeated }),
        ...(retryInMs === undefined ? {} : { retryInMs: Math.round(retryInMs) }),
      },
      `${error.message}${fix(error, this.#resource)}`,
    )
  }

  /** Says once that it works again, if a failure was said before. */
  recovered(): void {
    if (this.#said === undefined) return
    this.#said = undefined
    this.#onFailing(undefined)
    this.#logger.info(
      { event: 'api-recovered', resource: this.#resource },
      `watching ${this.#resource} again`,
    )
  }
}

/** `ECONNRESET`, `CERT_HAS_EXPIRED`: what tells one broken connection from another. */
function systemCode(cause: unknown): string {
  const code = member(cause, 'code')
  return typeof code === 'string' ? code : ''
}

function fix(error: ApiError, resource: string): string {
  if (error.status === 401) return ': the token or certificate is not accepted; renew it'
  if (error.status === 403) return `: grant list and watch on ${resource} to this user`
  if (error.code === 'API_PROTOBUF') return ': asked for in JSON from now on'
  if (error.code === 'API_GZIP') return ': asked for without gzip from now on'
  return ''
}
