import type { TLSSocket } from 'node:tls'
import type { Request } from './reply.ts'

/** Who may ask. Without tokens and without `clientCertificates` any client may. */
export class Authentication {
  readonly #clientCertificates: boolean
  #tokens: ReadonlySet<string>

  constructor(tokens: Iterable<string>, clientCertificates: boolean) {
    this.#tokens = new Set(tokens)
    this.#clientCertificates = clientCertificates
  }

  replaceTokens(tokens: Iterable<string>): void {
    this.#tokens = new Set(tokens)
  }

  accepts(request: Request): boolean {
    if (this.#tokens.size === 0 && !this.#clientCertificates) return true
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    if (token !== undefined && this.#tokens.has(token)) return true
    return this.#clientCertificates && (request.socket as Partial<TLSSocket>).authorized === true
  }
}
