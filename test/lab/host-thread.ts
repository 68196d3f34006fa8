import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type BirpcReturn, createBirpc } from 'birpc'
import type { HostCalls } from './host-calls.ts'

/**
 * A thread that lives in one network namespace at a time. Starting one costs more than everything that a lab does with
 * it (80 ms of CPU), so threads of closed labs wait for the next lab.
 */
export class HostThread {
  static readonly #idle: HostThread[] = []
  static readonly #running = new Set<HostThread>()
  readonly #worker: Worker
  readonly #calls: BirpcReturn<HostCalls>
  /** How many calls have no answer yet. */
  #pending = 0
  #ended: Error | undefined

  /** A thread in this namespace, an idle one if there is any. */
  static enter(name: string, networkNamespace: string): HostThread {
    const thread = HostThread.#idle.pop() ?? new HostThread()
    thread.#worker.ref()
    // What is asked next comes after it, and fails if it does.
    thread.call('enter', name, networkNamespace).catch((reason) => thread.#fail(reason))
    return thread
  }

  /** See {@link hostsSettled}. */
  static async settled(limitMs: number): Promise<void> {
    const answers = [...HostThread.#running].map((thread) => thread.call('arrived', []))
    await Promise.race([Promise.allSettled(answers), sleep(limitMs, undefined, { ref: false })])
  }

  private constructor() {
    HostThread.#running.add(this)
    this.#worker = new Worker(new URL(`./host-worker${extname(import.meta.url)}`, import.meta.url), {
      // Flags of the main program (--input-type, --test) may forbid what a thread is.
      execArgv: [],
    })
    this.#calls = createBirpc<HostCalls>(
      {},
      {
        post: (message) => this.#worker.postMessage(message),
        on: (receive) => void this.#worker.on('message', receive),
        // Each call that may take long has a limit of its own.
        timeout: -1,
      },
    )
    this.#worker.on('error', (reason) => {
      // Whoever waits for a call hears of it; where its servers are missed, nobody would know why.
      process.emitWarning(reason)
      this.#fail(reason)
    })
    this.#worker.on('exit', () => this.#fail(new Error("the host's thread has ended")))
  }

  async call<Name extends keyof HostCalls>(
    call: Name,
    ...args: Parameters<HostCalls[Name]>
  ): Promise<Awaited<ReturnType<HostCalls[Name]>>> {
    if (this.#ended !== undefined) throw this.#ended
    this.#pending += 1
    try {
      return (await this.#calls.$call(call, ...(args as never))) as Awaited<ReturnType<HostCalls[Name]>>
    } finally {
      this.#pending -= 1
    }
  }

  /** Closes every socket and leaves the namespace. A thread that is still at something ends. */
  async leave(): Promise<void> {
    const hasLeft = this.#ended === undefined && this.#pending === 0 && (await this.call('leave'))
    if (!hasLeft) {
      await this.#worker.terminate()
      return
    }
    this.#worker.unref()
    HostThread.#idle.push(this)
  }

  #fail(reason: Error): void {
    HostThread.#running.delete(this)
    this.#ended ??= reason
    const ended = this.#ended
    this.#calls.$rejectPendingCalls(({ reject }) => reject(ended))
    const index = HostThread.#idle.indexOf(this)
    if (index >= 0) HostThread.#idle.splice(index, 1)
  }
}

/**
 * Resolves when the threads of all hosts have answered, or after this time: for whoever ends the process in the middle of
 * something. That stops a thread wherever it is, and one that is just loading native code aborts the process instead.
 */
export async function hostsSettled(limitMs: number): Promise<void> {
  await HostThread.settled(limitMs)
}
