import { readFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import type { ApiServerAddress } from '../cluster/api-server.ts'

/** The watches that a node holds, as the core asks for them. */
const paths = ['/api/v1/services', '/apis/discovery.k8s.io/v1/endpointslices']
const query =
  '?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=3000'
const endOfList = Buffer.from('initial-events-end')

/** A node as its API server sees it: a connection with watches, of which only the bytes are counted. */
export class Watcher {
  readonly #session
  readonly #listed: Promise<void>
  bytes = 0

  constructor({ host, port, serviceAccountDirectory = '' }: ApiServerAddress) {
    const ca = readFileSync(join(serviceAccountDirectory, 'ca.crt'))
    const token = readFileSync(join(serviceAccountDirectory, 'token'), 'utf8')
    this.#session = connect(`https://${host}:${port}`, { ca, settings: { initialWindowSize: 4 << 20 } })
    this.#session.on('error', () => {})
    this.#listed = Promise.all(paths.map((path) => this.#watch(path, token))).then(() => {})
  }

  /** Resolves when it has been sent all there is. */
  get listed(): Promise<void> {
    return this.#listed
  }

  close(): void {
    this.#session.destroy()
  }

  #watch(path: string, token: string): Promise<void> {
    const stream = this.#session.request({ ':path': path + query, authorization: `Bearer ${token}` })
    return new Promise((resolve, reject) => {
      let tail = Buffer.alloc(0)
      stream.on('error', reject)
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
