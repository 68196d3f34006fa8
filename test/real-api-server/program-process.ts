import { type ChildProcess, spawn } from 'node:child_process'

export interface ProgramOptions {
  readonly program: string
  readonly flags: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  /** As a path; absent: the caller's. */
  readonly networkNamespace?: string
}

/** A server's process. It ends with the caller, also when the caller is killed. */
export class ProgramProcess {
  readonly pid: number
  /** Resolves when it has ended, with how and its last words. */
  readonly ended: Promise<string>
  readonly #child: ChildProcess
  #lastWords = ''

  constructor({ program, flags, folder, env, networkNamespace }: ProgramOptions) {
    // Both replace themselves by the next program, so the pid is that of the server.
    const argv = [
      ...['--pdeathsig', 'KILL'],
      ...(networkNamespace === undefined ? [] : ['nsenter', `--net=${networkNamespace}`]),
      program,
      ...flags,
    ]
    this.#child = spawn('setpriv', argv, {
      cwd: folder,
      // Of a process group of its own: Ctrl-C is for the one who tests.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.pid = this.#child.pid ?? 0
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).split('\n').slice(-12).join('\n')
    })
    this.ended = new Promise((resolve) => {
      const told = (how: string) => resolve(`${program} ${how}\n${this.lastWords}`)
      this.#child.once('error', (error) => told(error.message))
      this.#child.once('close', (code, signal) => told(`ended with ${signal ?? code}`))
    })
  }

  /** What it has logged last. */
  get lastWords(): string {
    return this.#lastWords
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined
  }

  /** A stopped process takes a signal only once it goes on, but for SIGKILL. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL' | 'SIGTERM'): void {
    if (this.running) this.#child.kill(signal)
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }
}
