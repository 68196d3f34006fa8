import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Build, presentBuild } from './build.ts'

const path = '/usr/sbin:/usr/bin:/sbin:/bin'
/** On a usual machine, however busy: to tell of something, and to end. Only spent when it doesn't. */
const [tellMs, endMs] = [180_000, 60_000]
/** Milliseconds that its last words may be on their way after its end; a tool of its may hold the pipe open for longer. */
const lastWordsMs = 10_000

export interface ProxyOptions {
  /** A path. */
  readonly networkNamespace: string
  /** Of both commands, `run` and `plan`. */
  readonly flags: readonly string[]
  /** How many times as long as on a usual machine it may take. */
  readonly slowness: number
  readonly build?: Build
}

/** A line of its log that has an event. */
export interface LogLine {
  readonly event: string
  readonly level: string
  readonly msg: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** How `portolan run` is started otherwise than usual. */
export interface StartOptions {
  /** A program with its arguments that starts what comes after them. */
  readonly through?: readonly string[]
  readonly flags?: readonly string[]
}

/** The command `portolan run`, as a supervisor has it: started on the node, ended, and started again. */
export class ProxyProcess {
  readonly #options: ProxyOptions
  readonly #build: Build
  #child: ChildProcess | undefined
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null })
  #last: Ended | undefined
  #lines: LogLine[] = []
  #listeners = new Set<() => void>()
  #stderr = ''

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#build = options.build ?? presentBuild
  }

  get #program(): readonly string[] {
    const { program, nodeFlags } = this.#build
    return [process.execPath, ...process.execArgv, ...nodeFlags, '--max-semi-space-size=4', program]
  }

  get #env(): NodeJS.ProcessEnv {
    return { ...process.env, ...this.#build.env, PATH: path }
  }

  /** Starts it, and doesn't wait for anything. */
  start({ through = [], flags = [] }: StartOptions = {}): void {
    this.#lines = []
    this.#stderr = ''
    this.#last = undefined
    const command = [...this.#program, 'run', ...this.#options.flags, ...flags]
    const inNode = ['nsenter', `--net=${this.#options.networkNamespace}`, ...through, ...command]
    // It ends with this process, however that ends.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...inNode], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.#env,
    })
    this.#child = child
    if (child.stdout !== null)
      createInterface(child.stdout).on('line', (text) => {
        this.#lines.push(readLine(text))
        for (const told of this.#listeners) told()
      })
    child.stderr?.on('data', (chunk) => {
      this.#stderr += String(chunk)
    })
    this.#ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        const end = () => {
          clearTimeout(timer)
          if (this.#child === child) this.#last = { code, signal }
          for (const told of this.#listeners) told()
          resolve({ code, signal })
        }
        const timer = setTimeout(end, lastWordsMs)
        child.once('close', end)
      }),
    )
  }

  /** The process that is the proxy, where it was started through another one. */
  get pid(): number {
    let pid = this.#child?.pid ?? 0
    for (;;) {
      const [child] = childrenOf(pid)
      if (child === undefined || readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'unshare') return pid
      pid = child
    }
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#last === undefined
  }

  /** Resolves when it has ended. */
  get ended(): Promise<Ended> {
    return this.#ended
  }

  /** What it has told since its start. */
  get lines(): readonly LogLine[] {
    return this.#lines
  }

  /** What it told last, for an error. */
  get lastWords(): string {
    const lines = this.#lines.slice(-8).map(({ level, event, msg }) => `${level} ${event}: ${msg}`)
    const how = this.#last === undefined ? [] : [`ended: ${JSON.stringify(this.#last)}`]
    return [...lines, ...how, this.#stderr.slice(-2000)].join('\n')
  }

  /** Resolves when it has told of this event, since its start or after so many lines. @throws when it ends before */
  async told(
    event: string,
    options: { readonly after?: number; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    await this.toldOneOf([event], options)
  }

  /** The same, for whichever of these events comes first. */
  async toldOneOf(
    events: readonly string[],
    {
      after = 0,
      timeoutMs = tellMs * this.#options.slowness,
    }: { readonly after?: number; readonly timeoutMs?: number } = {},
  ): Promise<void> {
    const holds = () => this.#lines.slice(after).some((line) => events.includes(line.event))
    await new Promise<void>((resolve, reject) => {
      const done = (end: () => void) => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        end()
      }
      const fail = (why: string) =>
        done(() => reject(new Error(`no line '${events.join(' or ')}': ${why}\n${this.lastWords}`)))
      const look = () => {
        if (holds()) done(resolve)
        else if (!this.isRunning) fail('the process has ended')
      }
      const timer = setTimeout(() => fail(`not in ${timeoutMs / 1000} s`), timeoutMs)
      this.#listeners.add(look)
      look()
    })
  }

  /** Kills it without a word. */
  async kill(): Promise<void> {
    if (!this.isRunning) return
    process.kill(this.pid, 'SIGKILL')
    await this.#ended
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** Ends it as a supervisor does. @throws Error when it has to be killed */
  async stop(): Promise<void> {
    if (!this.isRunning) return
    this.signal('SIGTERM')
    const limitMs = endMs * this.#options.slowness
    const timer = setTimeout(() => this.signal('SIGKILL'), limitMs)
    const { signal } = await this.#ended
    clearTimeout(timer)
    if (signal === 'SIGKILL')
      throw new Error(`it did not end at SIGTERM in ${limitMs / 1000} s\n${this.lastWords}`)
  }

  /** Runs another command of Portolan's on the node, to its end. */
  async command(
    ...args: readonly string[]
  ): Promise<{ code: number | null; stderr: string; stdout: string }> {
    const inNode = [`--net=${this.#options.networkNamespace}`, ...this.#program, ...args]
    const child = spawn('nsenter', inNode, { stdio: ['ignore', 'pipe', 'pipe'], env: this.#env })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => {
        output[name] += String(chunk)
      })
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    return { code, ...output }
  }

  /** Empty: the kernel holds what the cluster says. Else what is missing, in the dataplane's language. */
  async difference(): Promise<string> {
    const { code, stdout, stderr } = await this.command('plan', '--from', 'kernel', ...this.#options.flags)
    const operations = [...stderr.matchAll(/, (\d+) operations? of /g)].map(([, count]) => Number(count))
    if (code !== 0 || operations.length !== 2) return `plan failed: ${stderr}`
    return operations.every((count) => count === 0) ? '' : `${operations.join(' and ')} operations: ${stdout}`
  }
}

function readLine(text: string): LogLine {
  try {
    const { event = '', level = '', msg = '' } = JSON.parse(text) as Partial<LogLine>
    return { event, level, msg }
  } catch {
    return { event: '', level: '', msg: text }
  }
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}
