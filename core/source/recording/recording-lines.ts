import type { RecordKind } from '../../cluster/records.ts'
import { CodedError } from '../../error/coded-error.ts'
import type { RecordObject } from './record-object.ts'

/**
 * A recording is a gzip file of JSON lines, which `zcat` shows:
 *
 * ```
 * {"portolan":"recording","version":1,"names":"pseudonyms","date":"2026-01-31"}
 * {"set":{"apiVersion":"v1","kind":"Service",...}}        every object that there was at the start
 * {"complete":true}                                       here the clock begins
 * {"at":0.731,"set":{...}}                                an object that is new or changed, after so many seconds
 * {"at":0.745,"edit":"NAMESPACE/SLICE","from":3,"drop":1,"put":[{"addresses":["10.3.7.9"]}]}
 * {"at":1.2,"remove":"Service","key":"NAMESPACE/NAME"}
 * {"at":600,"end":true}                                   missing in a file that was cut off
 * ```
 *
 * Of an object only what a proxy looks at is there. An `edit` is a change of a slice's endpoints alone, the commonest
 * event: from a position on some are dropped and others put there, as with `Array.toSpliced`; dropping and putting
 * nothing, it is an event in which nothing changed that a proxy looks at.
 */
export type RecordingLine =
  | RecordingHeader
  | { readonly set: RecordObject; readonly at?: number }
  | { readonly complete: true }
  | ({ readonly at: number; readonly edit: string } & EndpointEdit)
  | { readonly at: number; readonly remove: RecordKind; readonly key: string }
  | { readonly at: number; readonly end: true }

export interface RecordingHeader {
  readonly portolan: 'recording'
  /** Raised when a reader of the one before would misread it. */
  readonly version: typeof recordingVersion
  readonly names: 'pseudonyms' | 'plain'
  /** The day, in UTC. */
  readonly date: string
}

export const recordingVersion = 1

/** Endpoints as the API has them, from a position on. */
export interface EndpointEdit {
  readonly from: number
  readonly drop: number
  readonly put: readonly unknown[]
}

/** What no recording of a cluster exceeds; more is refused before it fills the memory. */
export const recordingLimits = {
  /** Bytes of one line: an object, of which etcd holds 1.5 MiB at most. */
  line: 4 << 20,
  /** Bytes of all objects at the start: 100,000 Services of 10 endpoints have 150 MB. */
  start: 2 ** 31,
  /** Endpoints of one slice; Kubernetes has 1000. */
  endpoints: 10_000,
  /** Seconds. */
  duration: 31 * 86_400,
}

/** Codes of {@link RecordingError}: when it happens, and the fix. */
export const recordingErrorCodes = {
  RECORDING_UNREADABLE: {
    when: 'the file is not a recording, or not one that can be replayed',
    fix: 'record again with portolan record, or name another file',
  },
} as const

/** A file that is no recording, or that can't be used as one. */
export class RecordingError extends CodedError<keyof typeof recordingErrorCodes> {
  readonly path: string

  constructor(
    path: string,
    problem: string,
    fix = 'record again with portolan record, or name another file',
  ) {
    super('RECORDING_UNREADABLE', `${path}: ${problem}`, fix)
    this.path = path
  }
}
