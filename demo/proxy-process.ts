import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../core/cli/portolan.js', import.meta.url))

/** `portolan run` as a process of its own, with its log lines at hand. */
export class ProxyProcess {
  /** The command as a person would type it. */
  readonly command: string
  readonly #child: ChildProcess
  readonly #lines: string[] = []
  readonly #waiting: {
    readonly test: (line: string) => boolean
    readonly resolve: (line: string) => void
  }[] = []
  readonly #exited: Promise<void>

  /** Starts it in the caller's network namespace. It ends with the caller, also when that is killed. */
  constructor(args: readonly string[]) {
    this.command = `portolan ${args.join(' ')}`
    const argv = ['--pdeathsig', 'TERM', program, ...args]
    this.#child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => this.#take(line))
    }
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', () => resolve())
    })
  }

  /**
   * The first line, past or future, that has this text.
   * @throws when the process ends without, or after so many milliseconds; the message has its last lines
   */
  async line(text: string, timeoutMs: number): Promise<string> {
    const past = this.#lines.find((line) => line.includes(text))
    if (past !== undefined) return past
    let timer: NodeJS.Timeout | undefined
    const fail = (why: string) => new Error(`portolan run ${why}:\n${this.#lines.slice(-10).join('\n')}`)
    try {
      return await Promise.race([
        new Promise<string>((resolve) =>
          this.#waiting.push({ test: (line) => line.includes(text), resolve }),
        ),
        this.#exited.then(() => Promise.reject(fail('ended before it was ready'))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(fail(`said nothing of "${text}" in ${timeoutMs} ms`)), timeoutMs)
        }),
      ])
    } finally {
      clearTimeout(timer)
    }
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#exited
  }

  /** For the end of the process, when nothing can be awaited any more. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #take(line: string): void {
    this.#lines.push(line)
    for (const waiting of this.#waiting) if (waiting.test(line)) waiting.resolve(line)
  }
}
