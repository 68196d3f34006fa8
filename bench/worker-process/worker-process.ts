import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type BirpcReturn, createBirpc } from 'birpc'

/** What a worker process can be asked: plain data both ways, because it crosses a process boundary. */
export type Calls<Of> = {
  readonly [Name in keyof Of]: (...args: never[]) => Promise<unknown>
}

export interface WorkerProcessOptions {
  /** A module that calls `serveCalls`. */
  readonly module: URL
  /** As a path; absent: the caller's. */
  readonly networkNamespace?: string
  /** Flags of Node. */
  readonly flags?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** What a worker can call here. */
export interface News {
  news(message: unknown): void
}

/** Milliseconds that a process's last words may take after its end. */
const lastWordsMs = 10_000

const running = new Set<{ end(): Promise<void> }>()

/** Asks all worker processes to clean up and end, and waits for that. */
export async function endWorkerProcesses(): Promise<void> {
  await Promise.all([...running].map((worker) => worker.end()))
}

/**
 * A process of ours that is asked over IPC, in a network namespace of its choice. It ends with the caller, also when the
 * caller is killed, and has its own way of cleaning up then.
 */
export class WorkerProcess<Of extends Calls<Of>> {
  readonly pid: number
  /** Resolves when it has ended, with how it did and its last words. */
  readonly exited: Promise<Error>
  readonly #child: ChildProcess
  readonly #calls: BirpcReturn<Of, News>
  readonly #lastWords: string[] = []

  constructor(options: WorkerProcessOptions, onNews: (message: unknown) => void = () => {}) {
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
      // Errors keep their stacks, and numbers that JSON doesn't have stay what they are.
      serialization: 'advanced',
      env: { ...process.env, ...options.env },
    })
    this.pid = this.#child.pid ?? 0
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords.push(text)
      if (this.#lastWords.length > 20) this.#lastWords.shift()
    })
    this.#calls = createBirpc<Of, News>(
      { news: onNews },
      {
        // Where it fails the process has ended or is about to, and `exited` fails what waits for an answer.
        post: (message) => void this.#child.send(message, () => {}),
        on: (receive) => void this.#child.on('message', receive),
        bind: 'functions',
        timeout: -1,
      },
    )
    running.add(this)
    this.exited = this.#watch(options.module)
    void this.exited.then((error) => {
      running.delete(this)
      this.#calls.$rejectPendingCalls(({ reject }) => reject(error))
    })
  }

  /** @throws what the call threw there, with its stack; and when the process has ended */
  async call<Name extends keyof Of & string>(
    name: Name,
    ...args: Parameters<Of[Name]>
  ): Promise<Awaited<ReturnType<Of[Name]>>> {
    // Waited for in vain once it has let go or ended; the error then says how that was.
    if (!this.#child.connected) throw new Error(`${name}: the process has ended\n${this.#lastWords.join('')}`)
    return (await this.#calls.$call(name, ...(args as never))) as Awaited<ReturnType<Of[Name]>>
  }

  /**
   * Asks it to clean up and end, and waits for that.
   * @param options `timeoutMs`: after so many milliseconds it is killed, and leaves what it has made; default 5 minutes
   */
  async end({ timeoutMs = 5 * 60_000 } = {}): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs)
    await this.exited
    clearTimeout(timer)
  }

  #watch({ pathname }: URL): Promise<Error> {
    const child = this.#child
    return new Promise((resolve) => {
      const told = (how: string) => resolve(new Error([`${pathname} ${how}`, ...this.#lastWords].join('\n')))
      child.once('error', (error) => told(error.message))
      child.once('exit', (code, signal) => {
        const ended = () => told(`ended with ${signal ?? code}`)
        // Last words may be on their way, but a tool that it has left behind may hold the pipe open for ever.
        const timer = setTimeout(ended, lastWordsMs)
        child.once('close', () => {
          clearTimeout(timer)
          ended()
        })
      })
    })
  }
}
