import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { HostCalls } from './host-calls.ts'
import type { HostRequest, HostResponse } from './host-worker.ts'

/**
 * A thread that lives in one network namespace at a time. Starting one costs more than everything that a lab does with
 * it (80 ms of CPU), so threads of closed labs wait for the next lab.
 */
export class HostThread {
  static readonly #idle: HostThread[] = []
  readonly #worker: Worker
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (reason: unknown) => void }
  >()
  #lastId = 0
  #ended: unknown

  /** A thread in this namespace, an idle one if there is any. */
  static enter(name: string, networkNamespace: string): HostThread {
    const thread = HostThread.#idle.pop() ?? new HostThread()
    thread.#worker.ref()
    // What is asked next comes after it, and fails if it does.
    thread.call('enter', name, networkNamespace).catch((reason) => thread.#fail(reason))
    return thread
  }

  private constructor() {
    this.#worker = new Worker(new URL(`./host-worker${extname(import.meta.url)}`, import.meta.url), {
      // Flags of the main program (--input-type, --test) may forbid what a thread is.
      execArgv: [],
    })
    this.#worker.on('message', (response: HostResponse) => {
      const waiting = this.#waiting.get(response.id)
      this.#waiting.delete(response.id)
      if ('error' in response) waiting?.reject(new Error(response.error))
      else waiting?.resolve(response.value)
    })
    this.#worker.on('error', (reason) => this.#fail(reason))
    this.#worker.on('exit', () => this.#fail(new Error("the host's thread has ended")))
  }

  async call<Name extends keyof HostCalls>(
    call: Name,
    ...args: Parameters<HostCalls[Name]>
  ): Promise<Awaited<ReturnType<HostCalls[Name]>>> {
    if (this.#ended !== undefined) throw this.#ended
    const id = ++this.#lastId
    const answered = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    this.#worker.postMessage({ id, call, args } satisfies HostRequest)
    return (await answered) as Awaited<ReturnType<HostCalls[Name]>>
  }

  /** Closes every socket and leaves the namespace. A thread that is still at something ends. */
  async leave(): Promise<void> {
    const hasLeft = this.#ended === undefined && this.#waiting.size === 0 && (await this.call('leave'))
    if (!hasLeft) {
      await this.#worker.terminate()
      return
    }
    this.#worker.unref()
    HostThread.#idle.push(this)
  }

  #fail(reason: unknown): void {
    this.#ended ??= reason
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
    const index = HostThread.#idle.indexOf(this)
    if (index >= 0) HostThread.#idle.splice(index, 1)
  }
}
