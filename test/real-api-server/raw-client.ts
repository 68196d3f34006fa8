import * as http from 'node:http'
import * as https from 'node:https'
import { createInterface } from 'node:readline'
import { gunzipSync } from 'node:zlib'

export interface RawAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** Parsed, if it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where that isn't
  readonly body: any
}

export interface RawWatchEvent {
  readonly type: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails where that isn't
  readonly object: any
}

export interface RawRequest {
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly contentType?: string
  /** Instead of the client's; empty: none. */
  readonly token?: string
  /** Whether gzip is accepted; the answer's headers tell whether it came so. */
  readonly gzip?: boolean
}

/** What a server really answers: HTTP/1.1 without retries, and watches line by line. */
export class RawClient {
  readonly url: string
  readonly #token: string
  readonly #agent: http.Agent

  /** @param ca PEM; `undefined`: plain http */
  constructor(url: string, ca: string | undefined, token: string) {
    this.url = url
    this.#token = token
    const options = { keepAlive: true, maxSockets: 16 }
    this.#agent = ca === undefined ? new http.Agent(options) : new https.Agent({ ...options, ca })
  }

  async request(method: string, path: string, request: RawRequest = {}): Promise<RawAnswer> {
    const response = await this.#send(method, path, request)
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const bytes = Buffer.concat(chunks)
    const text = (response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    const isJson = /json/.test(response.headers['content-type'] ?? '')
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: isJson && text !== '' ? JSON.parse(text) : text,
    }
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return this.request('GET', path, { query })
  }

  /** Starts a watch, which comes without gzip; an answer other than 200 is that of the watch. */
  async watch(path: string, query: Readonly<Record<string, string>> = {}): Promise<RawWatch> {
    const response = await this.#send('GET', path, { query: { watch: 'true', ...query } })
    return new RawWatch(response)
  }

  /** Closes the connections that are kept. */
  close(): void {
    this.#agent.destroy()
  }

  #send(
    method: string,
    path: string,
    { query, body, contentType, token, gzip }: RawRequest,
  ): Promise<http.IncomingMessage> {
    const url = new URL(path, this.url)
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value)
    const bearer = token ?? this.#token
    const headers: http.OutgoingHttpHeaders = {
      accept: 'application/json',
      ...(gzip ? { 'accept-encoding': 'gzip' } : {}),
      ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
    }
    const send = url.protocol === 'https:' ? https.request : http.request
    return new Promise((resolve, reject) => {
      const request = send(url, { method, headers, agent: this.#agent }, resolve)
      request.once('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

/** A watch that is read as far as a test asks. */
export class RawWatch implements Disposable {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly events: RawWatchEvent[] = []
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>
  readonly #response: http.IncomingMessage
  readonly #heard = new Set<() => void>()
  #over = false

  constructor(response: http.IncomingMessage) {
    this.#response = response
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    const lines = createInterface(response)
    // A connection that breaks is an end like any other.
    for (const stream of [response, lines]) stream.on('error', () => lines.close())
    lines.on('line', (line) => {
      this.events.push(JSON.parse(line) as RawWatchEvent)
      this.#tell()
    })
    this.ended = new Promise((resolve) =>
      lines.once('close', () => {
        this.#over = true
        this.#tell()
        resolve()
      }),
    )
  }

  /** Waits for the first event that fits, among those that came already, too. */
  async next(fits: (event: RawWatchEvent) => boolean, limitMs = 60_000): Promise<RawWatchEvent> {
    const deadline = performance.now() + limitMs
    for (;;) {
      const found = this.events.find(fits)
      if (found !== undefined) return found
      const left = deadline - performance.now()
      if (left <= 0 || this.#over) {
        const seen = this.events.slice(-5).map((event) => JSON.stringify(event))
        throw new Error(
          `no event ${fits}${this.#over ? ' before the watch ended' : ''}; last:\n${seen.join('\n')}`,
        )
      }
      await this.#news(left)
    }
  }

  [Symbol.dispose](): void {
    this.#response.destroy()
  }

  #news(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#heard.delete(done)
        resolve()
      }
      const timer = setTimeout(done, limitMs)
      this.#heard.add(done)
    })
  }

  #tell(): void {
    for (const heard of this.#heard) heard()
  }
}
