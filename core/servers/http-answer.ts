import type { IncomingHttpHeaders } from 'node:http'

/** A request, as far as read-only servers look at one. Everything in it is untrusted. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD'
  /** As sent, without the query: `/healthz`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/** Answers a request. What it throws becomes a 500 and a line of the log. A HEAD is answered as a GET. */
export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>

export function textAnswer(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body: text }
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(value),
  }
}

/** Hands each request to the handler of its path, and answers 404 for any other path. */
export function byPath(handlers: Readonly<Record<string, HttpHandler>>): HttpHandler {
  const known = new Map(Object.entries(handlers))
  return (request) => known.get(request.path)?.(request) ?? textAnswer(404, '404 page not found\n')
}
