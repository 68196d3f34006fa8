import { isDeepStrictEqual } from 'node:util'
import {
  type ClusterRecord,
  type ObjectProblem,
  type RecordKind,
  recordKinds,
} from '../../cluster/records.ts'
import type { ClusterSink } from '../cluster-source.ts'
import { endpointEdit } from './endpoint-edit.ts'
import { type NodeLoad, nodeLoads } from './node-load.ts'
import { recordObject } from './record-object.ts'
import type { RecordRewriter } from './record-rewriter.ts'
import type { LineOutput } from './recording-file.ts'
import { recordingVersion } from './recording-lines.ts'

export interface RecorderOptions {
  readonly output: LineOutput
  /** How names and addresses are written. */
  readonly records: RecordRewriter
  readonly names: 'pseudonyms' | 'plain'
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly date?: () => number
}

/** What has been recorded so far. */
export interface RecordedCounts {
  services: number
  slices: number
  endpoints: number
  nodes: number
  events: number
  /** Objects that couldn't be used, and aren't in the recording. */
  problems: number
}

/** So many objects of the start are written before others have their turn. */
const batch = 500

/**
 * Takes what a source delivers and writes it down: all objects once they are complete, and from then on every event with
 * its time. What a proxy doesn't look at is no event: heartbeats of Nodes.
 */
export class Recorder implements ClusterSink {
  readonly #options: RecorderOptions
  readonly #awaited = new Set<RecordKind>(recordKinds)
  readonly #complete = Promise.withResolvers<void>()
  /** As they are in the file, by kind and key there; before the start is written, as they came. */
  #records = new Map<string, ClusterRecord>()
  readonly counts: RecordedCounts = { services: 0, slices: 0, endpoints: 0, nodes: 0, events: 0, problems: 0 }
  /** What comes while the start is being written. */
  #waiting: (() => void)[] = []
  #state: 'listing' | 'writing' | 'recording' | 'ended' = 'listing'
  /** `performance.now()` when the clock of the recording began. */
  #begun = 0
  #last = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  /** Resolves when all objects of the start are written; rejects when they can't be. */
  get complete(): Promise<void> {
    return this.#complete.promise
  }

  /** Kinds whose list is still awaited. */
  get awaited(): readonly RecordKind[] {
    return [...this.#awaited]
  }

  /** How many endpoints each node has, by the names in the file. */
  get nodeLoads(): readonly NodeLoad[] {
    return nodeLoads(this.#records.values())
  }

  /** Seconds recorded so far. */
  get seconds(): number {
    return this.#begun === 0 ? 0 : (performance.now() - this.#begun) / 1000
  }

  set(record: ClusterRecord, receivedAt: number): void {
    if (this.#state === 'listing') {
      this.#count(this.#records.get(idOf(record)), record)
      this.#records.set(idOf(record), record)
    } else this.#inTurn(() => this.#write(record, receivedAt))
  }

  remove(kind: RecordKind, key: string, receivedAt: number): void {
    if (this.#state === 'listing') {
      this.#count(this.#records.get(`${kind} ${key}`), undefined)
      this.#records.delete(`${kind} ${key}`)
    } else this.#inTurn(() => this.#writeRemoval(kind, key, receivedAt))
  }

  synced(kind: RecordKind): void {
    if (!this.#awaited.delete(kind) || this.#awaited.size > 0) return
    this.#state = 'writing'
    this.#begun = performance.now()
    this.#writeStart().then(this.#complete.resolve, this.#complete.reject)
  }

  problem(_problem: ObjectProblem): void {
    this.counts.problems += 1
  }

  /** Writes the last line; whatever comes after it is left out. */
  end(): void {
    if (this.#state !== 'recording') return
    this.#state = 'ended'
    this.#options.output.line({ at: this.#at(performance.now()), end: true })
  }

  async #writeStart(): Promise<void> {
    const { output, records, names, date = Date.now } = this.#options
    const day = new Date(date()).toISOString().slice(0, 10)
    output.line({ portolan: 'recording', version: recordingVersion, names, date: day })
    const listed = this.#records
    this.#records = new Map()
    const pause = async (written: number) => {
      if (written % batch !== 0) return
      await output.drained()
      await new Promise(setImmediate)
    }
    let count = 0
    for (const record of listed.values()) {
      const rewritten = records.rewrite(record)
      this.#records.set(idOf(rewritten), rewritten)
      await pause(++count)
    }
    // Not in the order in which they came: that is the order of their real names.
    for (const id of [...this.#records.keys()].sort()) {
      const record = this.#records.get(id)
      if (record !== undefined) output.line({ set: recordObject(record) })
      await pause(++count)
    }
    output.line({ complete: true })
    this.#state = 'recording'
    for (const write of this.#waiting) write()
    this.#waiting = []
  }

  #inTurn(write: () => void): void {
    if (this.#state === 'writing') this.#waiting.push(write)
    else if (this.#state === 'recording') write()
  }

  #write(record: ClusterRecord, receivedAt: number): void {
    const { output, records } = this.#options
    const after = records.rewrite(record)
    const before = this.#records.get(idOf(after))
    const quiet = after.kind === 'Node' || after.kind === 'ServiceCIDR'
    if (quiet && isDeepStrictEqual(before, after)) return
    this.#records.set(idOf(after), after)
    this.#count(before, after)
    this.counts.events += 1
    const at = this.#at(receivedAt)
    const edit =
      before?.kind === 'EndpointSlice' && after.kind === 'EndpointSlice'
        ? endpointEdit(before, after)
        : undefined
    if (edit === undefined) output.line({ at, set: recordObject(after) })
    else output.line({ at, edit: after.key, ...edit })
  }

  #writeRemoval(kind: RecordKind, key: string, receivedAt: number): void {
    const { output, records } = this.#options
    const rewritten = records.rewriteKey(kind, key)
    const before = this.#records.get(`${kind} ${rewritten}`)
    if (before === undefined) return
    this.#records.delete(`${kind} ${rewritten}`)
    this.#count(before, undefined)
    this.counts.events += 1
    output.line({ at: this.#at(receivedAt), remove: kind, key: rewritten })
  }

  /** Seconds to the millisecond, never less than before: sources may deliver together what came one after the other. */
  #at(receivedAt: number): number {
    this.#last = Math.max(this.#last, Math.round(receivedAt - this.#begun) / 1000)
    return this.#last
  }

  #count(before: ClusterRecord | undefined, after: ClusterRecord | undefined): void {
    const { counts } = this
    for (const [record, by] of [
      [before, -1],
      [after, 1],
    ] as const) {
      if (record?.kind === 'Service') counts.services += by
      else if (record?.kind === 'Node') counts.nodes += by
      else if (record?.kind === 'EndpointSlice') {
        counts.slices += by
        counts.endpoints += by * record.endpoints.length
      }
    }
  }
}

function idOf(record: ClusterRecord): string {
  return `${record.kind} ${record.key}`
}
