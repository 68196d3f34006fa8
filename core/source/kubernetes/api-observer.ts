import type { ApiQuestion } from '../cluster-source.ts'
import type { ApiErrorCode } from './connection/api-error.ts'

/** Told what happens between this process and the API server. Every method is optional; none may throw. */
export interface ApiObserver {
  /** There is a connection, the first or another one. */
  onConnected?(): void
  /** A request was answered, or came to nothing. */
  onRequest?(request: ObservedRequest): void
  /** An answer has been read to its end, or that to a watch has begun. */
  onAnswer?(answer: ObservedAnswer): void
  /** An attempt to list or watch a resource failed; it is tried again. */
  onFailure?(failure: ObservedFailure): void
}

export interface ObservedRequest {
  readonly method: ApiQuestion['method']
  /** `10.0.0.1:6443` */
  readonly host: string
  /** The HTTP status; absent: no answer came. */
  readonly status?: number
}

export interface ObservedAnswer {
  readonly method: ObservedRequest['method']
  readonly host: string
  /** Since it was asked for. */
  readonly seconds: number
}

export interface ObservedFailure {
  /** `services` */
  readonly resource: string
  readonly code: ApiErrorCode
}
