import type { Host } from '@portolan/lab'
import type { ApiServerAddress } from '../cluster/api-server.ts'
import { type ProcessUsage, readProcessUsage } from '../measure/process-usage.ts'
import { WorkerProcess } from '../worker-process/worker-process.ts'
import type { ObservedCosts } from './alternating-observer.ts'
import type { AppliedEvents } from './event-trace.ts'
import { inLab, type NamedDataplane } from './lab-settings.ts'
import type { ProxyInternals, ProxyUnderTest, StartReport } from './proxy-under-test.ts'

export interface ProxyProcessOptions {
  /** What `loadDataplane` takes. */
  readonly dataplane: string
  readonly settings: Readonly<Record<string, string>>
  readonly networkNamespace: string
  /** Milliseconds that any one call of the dataplane may take. Absent: as in `portolan run`. */
  readonly callMs?: number
  /** Absent: `kubeconfig` leads to the server. */
  readonly serviceAccountDirectory?: string
  readonly kubeconfig: string
}

export interface ProxyProcessCalls {
  started(): Promise<StartReport>
  /** Microseconds. */
  cpu(): Promise<{ readonly user: number; readonly system: number }>
  heapBytes(): Promise<number>
  eventLoopDelays(): Promise<readonly number[]>
  quiet(on: boolean): Promise<void>
  takeTrace(): Promise<readonly AppliedEvents[]>
  alternate(): Promise<void>
  takeCosts(): Promise<ObservedCosts>
  failOnce(): Promise<void>
  checkDrift(): Promise<number>
  readBack(): Promise<number>
  cleanUp(): Promise<number>
  stop(rules: 'stay' | 'go'): Promise<void>
}

/** What the process tells unasked. */
export type ProxyNews = { readonly applied: AppliedEvents } | { readonly failed: string }

/** How long anything may take before the measurement is given up, in milliseconds. */
const timeoutMs = 5 * 60_000

/** The whole product with one dataplane: `portolan run`'s engine in a process on the virtual node. */
export class PortolanProxy implements ProxyUnderTest {
  readonly #dataplane: NamedDataplane
  readonly #ended = Promise.withResolvers<never>()
  #process: WorkerProcess<ProxyProcessCalls> | undefined
  #applied: AppliedEvents[] = []
  /** Events that were applied and not yet awaited; negative: awaited. */
  #surplus = 0
  #wake: (() => void) | undefined

  constructor(dataplane: NamedDataplane) {
    this.#dataplane = dataplane
    // A caller that doesn't wait for it isn't ended by it.
    this.#ended.promise.catch(() => {})
  }

  /** Rejects when the process ends by itself, and when its applies go on failing. Never resolves. */
  get ended(): Promise<never> {
    return this.#ended.promise
  }

  async start(
    node: Host,
    { host, port, kubeconfig, serviceAccountDirectory }: ApiServerAddress,
  ): Promise<void> {
    this.#applied = []
    this.#surplus = 0
    const { callMs } = this.#dataplane
    const options: ProxyProcessOptions = {
      dataplane: this.#dataplane.module,
      settings: inLab(this.#dataplane, node),
      networkNamespace: node.networkNamespace,
      kubeconfig,
      ...(callMs === undefined ? {} : { callMs }),
      ...(serviceAccountDirectory === undefined ? {} : { serviceAccountDirectory }),
    }
    const process: WorkerProcess<ProxyProcessCalls> = new WorkerProcess(
      {
        module: new URL('./portolan-process.ts', import.meta.url),
        networkNamespace: node.networkNamespace,
        // As core/cli/portolan.js has it.
        flags: ['--max-semi-space-size=4'],
        args: [JSON.stringify(options)],
        env: { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String(port) },
      },
      (message) => {
        if (this.#process === process) this.#take(message as ProxyNews)
      },
    )
    this.#process = process
    void process.exited.then((how) => {
      if (this.#process === process) this.#giveUp(how.message)
    })
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
      await within(running.call('stop', rules), () => `${this.#dataplane.module}: its process did not stop`)
    } finally {
      await running.end()
    }
  }

  get internals(): ProxyInternals {
    const running = this.#running
    return {
      pid: running.pid,
      started: () => Promise.race([running.call('started'), this.ended]),
      heapBytes: () => running.call('heapBytes'),
      eventLoopDelays: () => running.call('eventLoopDelays'),
      quiet: (on) => running.call('quiet', on),
      takeTrace: () => Promise.race([running.call('takeTrace'), this.ended]),
      alternate: () => running.call('alternate'),
      takeCosts: () => running.call('takeCosts'),
      failOnce: () => running.call('failOnce'),
      checkDrift: () => running.call('checkDrift'),
      readBack: () => running.call('readBack'),
      cleanUp: () => running.call('cleanUp'),
      takeApplied: () => this.#applied.splice(0),
      eventsApplied: (count) => this.#await(count),
    }
  }

  get #running(): WorkerProcess<ProxyProcessCalls> {
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

  #giveUp(why: string): void {
    this.#ended.reject(new Error(`${this.#dataplane.module}: ${why}`))
  }

  async #await(count: number): Promise<void> {
    this.#surplus -= count
    if (this.#surplus >= 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    try {
      const applied = Promise.race([promise, this.ended])
      await within(
        applied,
        () => `${this.#dataplane.module}: ${-this.#surplus} of ${count} events were not applied`,
      )
    } finally {
      this.#wake = undefined
    }
  }
}

/** @throws Error with this text when the work takes longer than anything may */
async function within<Result>(work: Promise<Result>, late: () => string): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`${late()} in ${timeoutMs / 60_000} minutes`)), timeoutMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
