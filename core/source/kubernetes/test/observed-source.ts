import type { ClusterRecord, ObjectProblem, RecordKind } from '../../../cluster/records.ts'
import type { Logger } from '../../../log/logger.ts'
import type { ClusterSink, ClusterSource } from '../../cluster-source.ts'
import { type KubernetesSourceOptions, kubernetesSource } from '../kubernetes-source.ts'
import type { Timings } from '../timings.ts'

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** Retries that a test needn't wait for. Limits stay long: a busy machine must not look like a broken server. */
export const quickTimings: Partial<Timings> = {
  retryMinMs: 10,
  retryMaxMs: 200,
  absentRetryMs: 100,
  heartbeatTimeoutMs: 60_000,
  lookMs: 50,
  handoverMs: 50,
}

/** For tests in which the server does stop answering. */
export const shortTimings: Partial<Timings> = { heartbeatIntervalMs: 200, heartbeatTimeoutMs: 200 }

/** For tests: a real source, with everything that it delivered and logged. */
export class ObservedSource implements AsyncDisposable {
  readonly source: ClusterSource
  readonly records = new Map<string, ClusterRecord>()
  /** All records, in the order of their delivery. */
  readonly delivered: ClusterRecord[] = []
  /** `set KIND KEY`, `remove KIND KEY`, `synced KIND`, in their order. */
  readonly deliveries: string[] = []
  readonly problems: ObjectProblem[] = []
  /** The code of what fails at the moment. */
  readonly failing = new Map<RecordKind, string>()
  readonly log: LogLine[] = []

  private constructor(options: Partial<KubernetesSourceOptions>) {
    this.source = kubernetesSource({
      nodeName: 'node-1',
      ...options,
      logger: this.#logger(),
      timings: { ...quickTimings, ...options.timings },
    })
  }

  static async start(options: Partial<KubernetesSourceOptions>): Promise<ObservedSource> {
    const observed = new ObservedSource(options)
    await observed.source.start(observed.#sink())
    return observed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.stop()
  }

  isSynced(kind: RecordKind): boolean {
    return this.deliveries.includes(`synced ${kind}`)
  }

  get allSynced(): boolean {
    return (['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'] as const).every((kind) => this.isSynced(kind))
  }

  keys(kind: RecordKind): string[] {
    return [...this.records.values()]
      .filter((record) => record.kind === kind)
      .map((record) => record.key)
      .sort()
  }

  /** Warnings and errors about one resource, or all. */
  complaints(resource?: string): LogLine[] {
    return this.log.filter(
      (line) =>
        (line.level === 'warn' || line.level === 'error') &&
        (resource === undefined || line.fields.resource === resource),
    )
  }

  /** Waits until something holds. Throws after `limitMs`, with what was delivered and logged. */
  async until(holds: (observed: this) => boolean, limitMs = 60_000): Promise<void> {
    const deadline = performance.now() + limitMs
    while (!holds(this)) {
      if (performance.now() > deadline) {
        const log = this.log.map((line) => `${line.level} ${line.message}`)
        throw new Error(
          `waited in vain for ${holds}\n${this.deliveries.slice(-20).join('\n')}\n${log.join('\n')}`,
        )
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #sink(): ClusterSink {
    return {
      set: (record) => {
        this.records.set(`${record.kind} ${record.key}`, record)
        this.delivered.push(record)
        this.deliveries.push(`set ${record.kind} ${record.key}`)
      },
      remove: (kind, key) => {
        this.records.delete(`${kind} ${key}`)
        this.deliveries.push(`remove ${kind} ${key}`)
      },
      synced: (kind) => this.deliveries.push(`synced ${kind}`),
      readable: (kind, readable) => this.deliveries.push(`${readable ? 'readable' : 'unreadable'} ${kind}`),
      failing: (kind, code) => {
        if (code === undefined) this.failing.delete(kind)
        else this.failing.set(kind, code)
      },
      problem: (problem) => this.problems.push(problem),
    }
  }

  #logger(): Logger {
    const at = (level: LogLine['level']) => (fields: object, message: string) =>
      this.log.push({ level, fields: { ...fields }, message })
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }
}
