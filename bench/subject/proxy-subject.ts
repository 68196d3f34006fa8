import type { Host } from '@portolan/lab'
import type { ApiServerAddress } from '../cluster/api-server.ts'
import { type ProcessUsage, readProcessUsage } from '../measure/process-usage.ts'
import { Companion } from '../process/companion.ts'
import type { AppliedEvents } from './event-trace.ts'
import { inLab, type NamedDataplane } from './lab-settings.ts'
import type { StartReport, Subject, SubjectInside } from './subject.ts'

export interface ProxyProcessOptions {
  /** What `loadDataplane` takes. */
  readonly dataplane: string
  readonly settings: Readonly<Record<string, string>>
  readonly networkNamespace: string
  readonly serviceAccountDirectory: string
}

export interface ProxyProcessCalls {
  started(): Promise<StartReport>
  /** Microseconds. */
  cpu(): Promise<{ readonly user: number; readonly system: number }>
  heapBytes(): Promise<number>
  eventLoopDelays(): Promise<readonly number[]>
  quiet(on: boolean): Promise<void>
  takeTrace(): Promise<readonly AppliedEvents[]>
  failOnce(): Promise<void>
  stop(rules: 'stay' | 'go'): Promise<void>
}

/** What the process tells unasked. */
export type ProxyNews = { readonly applied: AppliedEvents } | { readonly failed: string }

/** How long anything may take before the measurement is given up, in milliseconds. */
const patience = 5 * 60_000

/** The whole product with one dataplane: `portolan run`'s engine in a process on the virtual node. */
export class ProxySubject implements Subject {
  readonly #dataplane: NamedDataplane
  #process: Companion<ProxyProcessCalls> | undefined
  #applied: AppliedEvents[] = []
  /** Events that were applied and nobody has waited for yet; negative: awaited. */
  #surplus = 0
  #wake: (() => void) | undefined
  #giveUp: (why: string) => void = ignore

  constructor(dataplane: NamedDataplane) {
    this.#dataplane = dataplane
  }

  async start(node: Host, { host, port, serviceAccountDirectory }: ApiServerAddress): Promise<void> {
    this.#applied = []
    this.#surplus = 0
    const options: ProxyProcessOptions = {
      dataplane: this.#dataplane.module,
      settings: inLab(this.#dataplane, node),
      networkNamespace: node.networkNamespace,
      serviceAccountDirectory,
    }
    this.#process = new Companion<ProxyProcessCalls>(
      {
        module: new URL('./proxy-process.ts', import.meta.url),
        networkNamespace: node.networkNamespace,
        // As core/cli/portolan.js has it.
        flags: ['--max-semi-space-size=4'],
        args: [JSON.stringify(options)],
        env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String(port) },
      },
      (message) => this.#take(message as ProxyNews),
    )
  }

  /** What the process says of itself is good to a microsecond, where /proc counts in hundredths of a second. */
  async usage(): Promise<ProcessUsage> {
    const { user, system } = await this.#running.call('cpu')
    return { ...readProcessUsage(this.#running.pid), userMs: user / 1000, systemMs: system / 1000 }
  }

  async stop(rules: 'stay' | 'go'): Promise<void> {
    const running = this.#process
    if (running === undefined) return
    this.#process = undefined
    try {
      await running.call('stop', rules)
    } finally {
      await running.end()
    }
  }

  get inside(): SubjectInside {
    const running = this.#running
    return {
      pid: running.pid,
      started: () => running.call('started'),
      heapBytes: () => running.call('heapBytes'),
      eventLoopDelays: () => running.call('eventLoopDelays'),
      quiet: (on) => running.call('quiet', on),
      takeTrace: () => running.call('takeTrace'),
      failOnce: () => running.call('failOnce'),
      takeApplied: () => this.#applied.splice(0),
      eventsApplied: (count) => this.#await(count, running),
    }
  }

  get #running(): Companion<ProxyProcessCalls> {
    if (this.#process === undefined) throw new Error(`${this.#dataplane.module} isn't running`)
    return this.#process
  }

  #take(news: ProxyNews): void {
    if ('failed' in news) {
      this.#giveUp(news.failed)
      return
    }
    this.#applied.push(news.applied)
    this.#surplus += news.applied.received.length
    if (this.#surplus >= 0) this.#wake?.()
  }

  async #await(count: number, running: Companion<ProxyProcessCalls>): Promise<void> {
    this.#surplus -= count
    if (this.#surplus >= 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (why: string) => reject(new Error(`${this.#dataplane.module}: ${why}`))
    this.#wake = resolve
    this.#giveUp = fail
    const timer = setTimeout(
      () => fail(`${-this.#surplus} of ${count} events were not applied in ${patience / 60_000} minutes`),
      patience,
    )
    void running.exited.then(() => fail('its process ended'))
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#wake = undefined
      this.#giveUp = ignore
    }
  }
}

function ignore(): void {}
