import { connect } from 'node:http2'
import { type AnswerForms, acceptHeaders, type Credentials } from '@portolan/core/source'

/** The watches that a node holds, as the core asks for them. */
const paths = ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices']
const query =
  '?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3000'
const endOfList = Buffer.from('initial-events-end')

/** A node as its API server sees it: a connection with watches, of which only the bytes are counted. */
export class Watcher {
  readonly #session
  readonly #base: string
  readonly #listed: Promise<void>
  bytes = 0

  constructor({ server, tls, headers }: Credentials, form: AnswerForms) {
    this.#session = connect(server.origin, { ...tls, settings: { initialWindowSize: 4 << 20 } })
    this.#session.on('error', () => {})
    this.#base = server.pathname.replace(/\/$/, '')
    const asked = { ...headers, accept: acceptHeaders[form] }
    this.#listed = Promise.all(paths.map((path) => this.#watch(path, asked))).then(() => {})
  }

  /** Resolves when it has been sent all there is. */
  get listed(): Promise<void> {
    return this.#listed
  }

  close(): void {
    this.#session.destroy()
  }

  #watch(path: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const stream = this.#session.request({ ...headers, ':path': `${this.#base}${path}${query}` })
    return new Promise((resolve, reject) => {
      let tail = Buffer.alloc(0)
      stream.on('response', ({ ':status': status }) => {
        if (status !== 200) reject(new Error(`${path}: the API server answered ${status}`))
      })
      stream.on('error', reject)
      stream.on('close', () => reject(new Error(`${path}: the API server ended the watch before its list`)))
      stream.on('data', (chunk: Buffer) => {
        this.bytes += chunk.length
        // What ends the list may be cut in two.
        const seen = Buffer.concat([tail, chunk.subarray(0, endOfList.length)])
        if (chunk.includes(endOfList) || seen.includes(endOfList)) resolve()
        tail = Buffer.from(chunk.subarray(-endOfList.length))
      })
    })
  }
}
