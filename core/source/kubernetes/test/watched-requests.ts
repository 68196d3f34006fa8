import * as http from 'node:http'
import * as https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { CredentialSource } from '../credentials/credentials.ts'

/**
 * For tests: lets every request of a source pass to an API server as it is, and its answer back, and stops the ones that
 * a test wants to do something before. Plain HTTP/1.1 towards the source.
 */
export class WatchedRequests implements AsyncDisposable {
  /** `GET /api/v1/services?…`, in their order. */
  readonly seen: string[] = []
  /** The Content-Encoding of each answer, in the order in which they came; empty: none. */
  readonly answered: { readonly request: string; readonly encoding: string }[] = []
  readonly credentials: CredentialSource
  readonly #server: http.Server

  private constructor(server: http.Server) {
    this.#server = server
    const { port } = server.address() as AddressInfo
    const credentials = { server: new URL(`http://127.0.0.1:${port}`), tls: {}, headers: {} }
    this.credentials = { description: 'watched requests', read: async () => credentials }
  }

  /** @param before awaited before a request is passed on */
  static async start(
    target: { readonly url: string; readonly ca: string; readonly token: string },
    before: (url: URL) => Promise<void> = async () => {},
  ): Promise<WatchedRequests> {
    let watched: WatchedRequests | undefined
    const server = http.createServer(async (request, reply) => {
      const url = new URL(request.url ?? '', target.url)
      const asked = `${url.pathname}${url.search}`
      watched?.seen.push(asked)
      await before(url)
      const { accept, 'accept-encoding': encoding = '' } = request.headers
      const headers = { accept, 'accept-encoding': encoding, authorization: `Bearer ${target.token}` }
      const passed = https.get(url, { ca: target.ca, headers }, (answer) => {
        watched?.answered.push({ request: asked, encoding: answer.headers['content-encoding'] ?? '' })
        reply.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(reply)
        answer.once('error', () => reply.destroy())
      })
      passed.once('error', () => reply.destroy())
      reply.once('close', () => passed.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    watched = new WatchedRequests(server)
    return watched
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
