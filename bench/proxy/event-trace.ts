import type { Applied } from '@portolan/core/engine'
import type { ClusterSink, ClusterSource } from '@portolan/core/source'

/** The way of some events through the process, from the first byte to the kernel. Times by `monotonic`, milliseconds. */
export interface AppliedEvents {
  readonly why: Applied['why']
  /** When each event's first byte arrived, in order. */
  readonly received: readonly number[]
  /** When each event had become a record. */
  readonly parsed: readonly number[]
  /** When the first event arrived that the table changes by. */
  readonly changeReceived: number
  /** When the table was told of the first. */
  readonly tableChanged: number
  readonly begun: number
  readonly computed: number
  readonly compiled: number
  readonly applied: number
  readonly operations: number
  readonly bytes: number
}

/**
 * Joins what the source delivers with what the engine applies. An event is in the first apply that began after it was
 * parsed, because the engine drains the table just then.
 *
 * @param offset what makes `performance.now()` of this process the machine's clock
 */
export class EventTrace {
  readonly #offset: number
  #received: number[] = []
  #parsed: number[] = []
  /** When the first event of all arrived. */
  first: number | undefined
  /** What the process had used of the CPU by then: its own start. */
  cpuAtFirst: NodeJS.CpuUsage | undefined

  constructor(offset: number) {
    this.#offset = offset
  }

  /** A source that tells this trace of each event, and everything else to its sink as it is. */
  follow(source: ClusterSource): ClusterSource {
    return {
      get description() {
        return source.description
      },
      start: (sink) => source.start(this.#followed(sink)),
      stop: () => source.stop(),
      get progress() {
        return source.progress ?? []
      },
    }
  }

  /** All events that are in this apply. They are taken out. */
  take({ why, timings, report }: Applied): AppliedEvents {
    const { begun, computed, compiled, applied } = timings
    let count = 0
    while ((this.#parsed[count] ?? Number.POSITIVE_INFINITY) <= begun) count++
    const received = this.#received.splice(0, count)
    const parsed = this.#parsed.splice(0, count)
    const onMachine = (time: number) => time + this.#offset
    return {
      why,
      received: received.map(onMachine),
      parsed: parsed.map(onMachine),
      changeReceived: onMachine(timings.received ?? begun),
      tableChanged: onMachine(timings.tableChanged ?? begun),
      begun: onMachine(begun),
      computed: onMachine(computed),
      compiled: onMachine(compiled),
      applied: onMachine(applied),
      operations: report.operations,
      bytes: report.bytes,
    }
  }

  /** Forgets events that came so far: those of the first list. */
  forget(): void {
    this.#received = []
    this.#parsed = []
  }

  #followed(sink: ClusterSink): ClusterSink {
    return {
      set: (record, receivedAt) => {
        this.#note(receivedAt)
        sink.set(record, receivedAt)
      },
      remove: (kind, key, receivedAt) => {
        // With its Service gone before it, a slice that goes changes nothing, and no apply would ever have it.
        if (kind !== 'EndpointSlice') this.#note(receivedAt)
        sink.remove(kind, key, receivedAt)
      },
      synced: (kind) => sink.synced(kind),
      problem: (problem) => sink.problem(problem),
    }
  }

  #note(receivedAt: number): void {
    if (this.first === undefined) {
      this.first = receivedAt + this.#offset
      this.cpuAtFirst = process.cpuUsage()
    }
    this.#received.push(receivedAt)
    this.#parsed.push(performance.now())
  }
}
