import { gzipSync } from 'node:zlib'

/** What the server does instead of answering a request of one resource properly. */
export type Fault =
  /** A `Status` with this code, and maybe the header Retry-After. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** As kube-apiserver answers while it has too much to do: 429, no `Status`, come again in a second. */
  | { readonly kind: 'overloaded' }
  /** As RBAC answers who may not. */
  | { readonly kind: 'forbidden'; readonly user: string }
  /** As a proxy that knows of JSON alone: 406 to whoever asks for protobuf first. */
  | { readonly kind: 'not-acceptable' }
  /** What a login page or a proxy would send, with status 200. */
  | { readonly kind: 'html' }
  /** The proper answer, this much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Never any answer, on a connection that is alive. */
  | { readonly kind: 'hang' }
  /** Half of a list: valid headers, then the end in the middle of an object. */
  | { readonly kind: 'truncated' }
  /** The same of a list in gzip, to whoever takes it or not. */
  | { readonly kind: 'cut-off-gzip' }
  /** The same to whoever takes gzip, as by a proxy that spoils it, and the proper answer to others. */
  | { readonly kind: 'spoilt-gzip' }
  /** The same half, and then nothing more, on a connection that is alive. */
  | { readonly kind: 'stuck-gzip' }

/** The first half of the gzip of an empty list. */
export function cutOffGzip(): Buffer {
  const whole = gzipSync('{"kind":"List","metadata":{"resourceVersion":"1"},"items":[]}')
  return whole.subarray(0, whole.length >> 1)
}

export const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

export const overloadedText = 'Too many requests, please try again later.\n'

export const loginPage = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>\n'
