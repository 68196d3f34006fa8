import { parseNode } from '../../cluster/parse-node.ts'
import { parseService } from '../../cluster/parse-service.ts'
import { parseServiceCidr } from '../../cluster/parse-service-cidr.ts'
import { parseSlice } from '../../cluster/parse-slice.ts'
import type { Parsed } from '../../cluster/parsed.ts'
import { shownValue } from '../../cluster/problem-report.ts'
import { isRawObject, isWholeNumber, type RawObject } from '../../cluster/raw-object.ts'
import {
  type ClusterRecord,
  type ObjectProblem,
  type RecordKind,
  recordKinds,
  type SliceRecord,
} from '../../cluster/records.ts'
import { recordObject } from './record-object.ts'
import { RecordingError, type RecordingHeader, recordingLimits, recordingVersion } from './recording-lines.ts'
import { DamagedError, recordingText } from './recording-text.ts'

/** What a recording tells, in its order. `at`: seconds since the start was complete. */
export type RecordingEntry =
  | { readonly is: 'header'; readonly header: RecordingHeader }
  /** An object that there was at the start. */
  | { readonly is: 'start'; readonly record: ClusterRecord }
  | { readonly is: 'complete' }
  | { readonly is: 'set'; readonly at: number; readonly record: ClusterRecord }
  | { readonly is: 'remove'; readonly at: number; readonly kind: RecordKind; readonly key: string }
  /** An object in it that can't be used. */
  | { readonly is: 'problem'; readonly problem: ObjectProblem }
  /** The last one. `torn`: the file was cut off or damaged here; the text is for a person. */
  | { readonly is: 'end'; readonly at: number; readonly torn?: string }

const parsers: Readonly<Record<RecordKind, (raw: unknown) => Parsed<ClusterRecord>>> = {
  Service: parseService,
  EndpointSlice: parseSlice,
  Node: parseNode,
  ServiceCIDR: parseServiceCidr,
}

/**
 * Reads a recording as it goes: memory holds its slices, and nothing else of it. Objects are parsed as those of an API
 * server, so nothing in them is trusted. A file that was cut off ends where it was.
 *
 * @throws RecordingError for a file that is no recording, that ends before its start is complete, or that has a line which
 *   no recorder writes; and the errors of opening a file
 */
export async function* readRecording(path: string): AsyncGenerator<RecordingEntry> {
  const reader = new LineReader(path)
  try {
    for await (const { text, number, bytes } of recordingText(path)) {
      if (!reader.isComplete && bytes > recordingLimits.start)
        throw new RecordingError(path, `its start has more than ${recordingLimits.start / 2 ** 30} GiB`)
      for (const entry of reader.read(text, number)) {
        yield entry
        if (entry.is === 'end') return
      }
    }
    yield reader.tornAt('it was cut off there')
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error
    yield reader.tornAt('it is damaged there')
  }
}

class LineReader {
  readonly #path: string
  readonly #slices = new Map<string, SliceRecord>()
  #hasHeader = false
  isComplete = false
  #at = 0
  #number = 0

  constructor(path: string) {
    this.#path = path
  }

  tornAt(how: string): RecordingEntry {
    if (!this.#hasHeader) throw new RecordingError(this.#path, 'is no recording: it has no first line')
    if (!this.isComplete)
      throw new RecordingError(this.#path, `ends in line ${this.#number}, before its start is complete`)
    const torn = `${this.#path} is read up to ${this.#at} s only: ${how}`
    return { is: 'end', at: this.#at, torn }
  }

  *read(text: string, number: number): Generator<RecordingEntry> {
    this.#number = number
    const line = parseJson(text)
    // Damaged bytes may unpack to something.
    if (line === undefined && this.isComplete) throw new DamagedError()
    if (!isRawObject(line)) throw this.#refuse('must be a JSON object', text)
    if (!this.#hasHeader) yield { is: 'header', header: this.#header(line) }
    else if (line.complete === true && !this.isComplete) {
      this.isComplete = true
      yield { is: 'complete' }
    } else if (line.end === true) yield { is: 'end', at: this.#time(line) }
    else if ('set' in line) yield* this.#set(line)
    else if ('edit' in line) yield* this.#edit(line)
    else if ('remove' in line) yield this.#remove(line)
    else throw this.#refuse('is none that a recording has', text)
  }

  #header(line: RawObject): RecordingHeader {
    const { portolan, version, names, date } = line
    if (portolan !== 'recording') throw new RecordingError(this.#path, 'is no recording')
    if (version !== recordingVersion) {
      const problem = `has version ${shownValue(version)}, and this Portolan reads version ${recordingVersion}`
      throw new RecordingError(this.#path, problem, 'use the Portolan that recorded it, or record again')
    }
    if (names !== 'pseudonyms' && names !== 'plain')
      throw this.#refuse('must say "names" as "pseudonyms" or "plain"', names)
    this.#hasHeader = true
    return { portolan, version, names, date: typeof date === 'string' ? date.slice(0, 10) : '' }
  }

  *#set(line: RawObject): Generator<RecordingEntry> {
    const raw = line.set
    const kind = isRawObject(raw) ? recordKinds.find((known) => known === raw.kind) : undefined
    if (kind === undefined) throw this.#refuse(`must set one of ${recordKinds.join(', ')}`, raw)
    yield* this.#record(kind, raw, this.isComplete ? this.#time(line) : undefined)
  }

  *#edit(line: RawObject): Generator<RecordingEntry> {
    const { edit: key, from, drop, put } = line
    const at = this.#time(line)
    const slice = typeof key === 'string' ? this.#slices.get(key) : undefined
    if (slice === undefined) throw this.#refuse('must edit an EndpointSlice that there is', key)
    const { endpoints: before } = slice
    if (!isWholeNumber(from, 0, before.length)) throw this.#refuse('must say "from" where to edit', from)
    if (!isWholeNumber(drop, 0, before.length - from)) throw this.#refuse('must "drop" what there is', drop)
    if (!Array.isArray(put)) throw this.#refuse('must "put" a list', put)
    const object = recordObject(slice)
    const endpoints = (object.endpoints as readonly unknown[]).toSpliced(from, drop, ...put)
    if (endpoints.length > recordingLimits.endpoints)
      throw this.#refuse(
        `must leave at most ${recordingLimits.endpoints} endpoints in a slice`,
        endpoints.length,
      )
    yield* this.#record('EndpointSlice', { ...object, endpoints }, at)
  }

  #remove(line: RawObject): RecordingEntry {
    const { remove, key } = line
    const at = this.#time(line)
    const kind = recordKinds.find((known) => known === remove)
    if (kind === undefined) throw this.#refuse(`must remove one of ${recordKinds.join(', ')}`, remove)
    if (typeof key !== 'string') throw this.#refuse('must name a "key" to remove', key)
    if (kind === 'EndpointSlice') this.#slices.delete(key)
    return { is: 'remove', at, kind, key }
  }

  *#record(kind: RecordKind, raw: unknown, at: number | undefined): Generator<RecordingEntry> {
    const { key, record, problems } = parsers[kind](raw)
    for (const problem of problems) yield { is: 'problem', problem }
    if (record?.kind === 'EndpointSlice') this.#slices.set(key, record)
    else if (kind === 'EndpointSlice') this.#slices.delete(key)
    if (record !== undefined) yield at === undefined ? { is: 'start', record } : { is: 'set', at, record }
    else if (key !== '' && at !== undefined) yield { is: 'remove', at, kind, key }
  }

  #time(line: RawObject): number {
    const { at } = line
    if (!this.isComplete) throw this.#refuse('must come after the line that says "complete"', line)
    if (typeof at !== 'number' || !(at >= this.#at && at <= recordingLimits.duration))
      throw this.#refuse(`must be "at" a time in seconds, not before ${this.#at}`, at)
    this.#at = at
    return at
  }

  #refuse(must: string, value: unknown): RecordingError {
    return new RecordingError(this.#path, `line ${this.#number} ${must}: ${shownValue(value)}`)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
