import { type ClientHttp2Stream, connect } from 'node:http2'
import { Readable } from 'node:stream'
import {
  type AnswerForms,
  type ApiResponse,
  acceptHeaders,
  type Credentials,
  listPages,
  readListBody,
} from '@portolan/core/source'

/** What a node watches that is large. */
const paths = ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices']

/** A node as its API server sees it: a connection with lists and watches as the core asks for them. */
export class Watcher {
  readonly #session
  readonly #credentials: Credentials
  readonly #accept: string
  readonly #listed: Promise<void>
  /** Of the bodies that came, as they came. */
  bytes = 0

  constructor(credentials: Credentials, form: AnswerForms) {
    const { server, tls } = credentials
    this.#credentials = credentials
    this.#accept = acceptHeaders[form]
    this.#session = connect(server.origin, { ...tls, settings: { initialWindowSize: 4 << 20 } })
    this.#session.on('error', () => {})
    this.#listed = Promise.all(paths.map((path) => this.#listAndWatch(path))).then(() => {})
  }

  /** Resolves when it has been sent all there is, and watches from there. */
  get listed(): Promise<void> {
    return this.#listed
  }

  close(): void {
    this.#session.destroy()
  }

  async #listAndWatch(path: string): Promise<void> {
    const what = `cannot list ${path}`
    const read = async (query: Readonly<Record<string, string>>) => {
      const { stream, response } = await this.#get(path, query, { 'accept-encoding': 'gzip' })
      const body = Readable.from(this.#counted(stream))
      return { body: await readListBody({ ...response, body }, what, () => {}), connection: this.#session }
    }
    let version = ''
    for await (const { resourceVersion } of listPages({ what, read })) version = resourceVersion
    const query = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: '3000',
      resourceVersion: version,
    }
    const { stream } = await this.#get(path, query, {})
    stream.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
    })
  }

  async *#counted(stream: ClientHttp2Stream): AsyncGenerator<Buffer> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      this.bytes += chunk.length
      yield chunk
    }
  }

  #get(path: string, query: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>>) {
    const { server, headers: identity } = this.#credentials
    const target = `${server.pathname.replace(/\/$/, '')}${path}?${new URLSearchParams(query)}`
    const stream = this.#session.request({ ...identity, ...headers, accept: this.#accept, ':path': target })
    return new Promise<{ stream: ClientHttp2Stream; response: Omit<ApiResponse, 'body'> }>(
      (resolve, reject) => {
        stream.on('error', reject)
        stream.on('response', (said) => {
          if (said[':status'] !== 200)
            return reject(new Error(`${path}: the API server answered ${said[':status']}`))
          const response = {
            status: 200,
            contentType: said['content-type']?.split(';', 1)[0] ?? '',
            contentEncoding: said['content-encoding'] ?? '',
            retryAfterMs: undefined,
            connection: this.#session,
          }
          resolve({ stream, response })
        })
      },
    )
  }
}
