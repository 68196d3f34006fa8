import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What a companion can be asked: plain data both ways, because it crosses a process boundary. */
export type Calls<Of> = {
  readonly [Name in keyof Of]: (...args: never[]) => Promise<unknown>
}

export interface CompanionOptions {
  /** A module that calls `answerCalls`. */
  readonly module: URL
  /** As a path; absent: the caller's. */
  readonly networkNamespace?: string
  /** Flags of Node. */
  readonly flags?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export type Request = { readonly id: number; readonly call: string; readonly args: unknown[] }
export type Response = { readonly id: number; readonly value?: unknown; readonly error?: string }
export type Push = { readonly push: unknown }

const running = new Set<Pick<Companion<Record<never, never>>, 'end'>>()

/** Asks all companions to clean up and end, and waits for that. */
export async function endCompanions(): Promise<void> {
  await Promise.all([...running].map((companion) => companion.end()))
}

/**
 * A process of ours that is asked over IPC, in a network namespace of its choice. It ends with the caller, also when the
 * caller is killed, and has its own way of cleaning up then.
 */
export class Companion<Of extends Calls<Of>> {
  readonly pid: number
  /** When it was started, by `monotonic`. */
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  readonly #lastWords: string[] = []
  #lastId = 0

  constructor(options: CompanionOptions, onPush: (message: unknown) => void = () => {}) {
    const { networkNamespace, flags = [], args = [] } = options
    // Both replace themselves by the next program, so the pid is that of Node.
    const argv = [
      'setpriv',
      '--pdeathsig',
      'TERM',
      ...(networkNamespace === undefined ? [] : ['nsenter', `--net=${networkNamespace}`]),
      process.execPath,
      ...flags,
      fileURLToPath(options.module),
      ...args,
    ]
    this.#child = spawn(argv[0] ?? '', argv.slice(1), {
      // Of a process group of its own: Ctrl-C is for the one who asks, and it tells the others.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...options.env },
    })
    this.pid = this.#child.pid ?? 0
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords.push(text)
      if (this.#lastWords.length > 20) this.#lastWords.shift()
    })
    this.#child.on('message', (message: Response | Push) => {
      if ('push' in message) return onPush(message.push)
      const waiting = this.#waiting.get(message.id)
      this.#waiting.delete(message.id)
      if (message.error === undefined) waiting?.resolve(message.value)
      else waiting?.reject(new Error(message.error))
    })
    const gone = (why: string) => {
      const error = new Error([`${options.module.pathname} ${why}`, ...this.#lastWords].join('\n'))
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    }
    running.add(this)
    this.exited = new Promise((resolve) => {
      this.#child.once('close', () => running.delete(this))
      this.#child.once('error', (error) => {
        gone(error.message)
        resolve()
      })
      this.#child.once('exit', (code, signal) => {
        gone(`ended with ${signal ?? code}`)
        resolve()
      })
    })
  }

  /** @throws what the call threw there, as a plain error; and when the process has ended */
  async call<Name extends keyof Of & string>(
    name: Name,
    ...args: Parameters<Of[Name]>
  ): Promise<Awaited<ReturnType<Of[Name]>>> {
    const id = ++this.#lastId
    const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    // Waited for in vain once it has ended; the error then says how that was.
    if (!this.#child.connected) throw new Error(`${name}: the process has ended\n${this.#lastWords.join('')}`)
    this.#child.send({ id, call: name, args } satisfies Request)
    return (await answered) as Awaited<ReturnType<Of[Name]>>
  }

  /** Asks it to clean up and end, and waits for that. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    if (this.#child.connected) this.#child.disconnect()
    await exited
  }

  /** Without cleaning up: what a crash is. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }
}
