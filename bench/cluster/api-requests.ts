import * as http from 'node:http'
import * as https from 'node:https'
import type { Credentials } from '@portolan/core/source'

/** What is read of an answer. */
export interface ApiAnswer {
  readonly message?: string
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string }
  readonly spec?: { readonly clusterIP?: string }
  readonly items?: readonly ApiAnswer[]
}

/** A request that the API server refused. */
export class RequestError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'RequestError'
    this.status = status
  }
}

/** Requests of JSON to an API server, over a few connections that are kept. */
export class ApiRequests {
  readonly #credentials: Credentials
  readonly #agent: http.Agent

  constructor(credentials: Credentials, connections: number) {
    this.#credentials = credentials
    const options = { keepAlive: true, maxSockets: connections }
    this.#agent =
      credentials.server.protocol === 'https:'
        ? new https.Agent({ ...options, ...credentials.tls } as https.AgentOptions)
        : new http.Agent(options)
  }

  /** @throws RequestError; and what Node says when there is no answer */
  async send(method: string, path: string, body?: object): Promise<ApiAnswer> {
    return parsed(await this.#ask(method, path, 'application/json', body)) ?? {}
  }

  /** What is no JSON, such as metrics. @throws as `send` does */
  text(path: string): Promise<string> {
    return this.#ask('GET', path, 'text/plain')
  }

  async #ask(method: string, path: string, accept: string, body?: object): Promise<string> {
    const { server, headers } = this.#credentials
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server)
    const sender = url.protocol === 'https:' ? https.request : http.request
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = sender(url, {
        method,
        agent: this.#agent,
        headers: {
          ...headers,
          accept,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      })
      request.once('response', resolve)
      request.once('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const status = response.statusCode ?? 0
    if (status >= 200 && status < 300) return text
    throw new RequestError(
      status,
      `${method} ${url.pathname}: ${status} ${parsed(text)?.message ?? text.slice(0, 200)}`,
    )
  }

  close(): void {
    this.#agent.destroy()
  }
}

function parsed(text: string): ApiAnswer | undefined {
  try {
    return JSON.parse(text) as ApiAnswer
  } catch {
    return undefined
  }
}
