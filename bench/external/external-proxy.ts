import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { CodedError } from '@portolan/core'
import { type Host, network } from '@portolan/lab'
import { systemPath } from '@portolan/native/system-command'
import type { ApiServerAddress } from '../cluster/api-server.ts'
import { thisNode } from '../cluster/probe-services.ts'
import type { ProcessUsage } from '../measure/process-usage.ts'
import type { ProxyUnderTest } from '../proxy/proxy-under-test.ts'
import { fillArguments } from './arguments.ts'
import { readTreeUsage } from './process-tree.ts'

/** A program that makes Services work on a node, as an operator would start it. */
export interface ExternalProgram {
  /** What results call it. */
  readonly name: string
  /** Path of the program. */
  readonly program: string
  /** May have places in braces: see `fillArguments`. */
  readonly args: readonly string[]
  /** Milliseconds from its start until Services must answer. */
  readonly readyTimeoutMs: number
}

/** Codes of {@link ExternalProgramError}: when it happens, and the fix. */
export const externalProgramErrorCodes = {
  EXTERNAL_FAILED: {
    when: 'the external program ended, could not be started, or did not make Services work',
    fix: 'run it by hand with the same arguments',
  },
} as const

/** The program has ended while it was needed, could not be started, or didn't do what it is for. */
export class ExternalProgramError extends CodedError<keyof typeof externalProgramErrorCodes> {
  constructor(message: string, fix: string) {
    super('EXTERNAL_FAILED', message, fix)
  }
}

/** Milliseconds between two looks at the memory of the whole tree. */
const lookEvery = 100
/** Bytes of its output that an error shows. */
const shownOutput = 2_000

/**
 * Any program at all, in a virtual node's network namespace, known from outside only: what its packets do, and what /proc
 * tells of its processes. Only it knows how to remove what it leaves in the kernel, so a caller that wants a node without
 * rules makes a new one.
 */
export class ExternalProxy implements ProxyUnderTest {
  readonly #program: ExternalProgram
  readonly #stopTimeoutMs: number
  /** Where its output goes, of all starts together. */
  readonly outputFile: string
  #child: ChildProcess | undefined
  readonly #ended = Promise.withResolvers<never>()
  #peakRssBytes = 0

  /** @param options `stopTimeoutMs`: how long it has to end in order; default 10 seconds */
  constructor(program: ExternalProgram, { stopTimeoutMs = 10_000 } = {}) {
    this.#program = program
    this.#stopTimeoutMs = stopTimeoutMs
    // A caller that doesn't wait for it isn't ended by it.
    this.#ended.promise.catch(() => {})
    proxies += 1
    this.outputFile = join(outputFolder(), `${basename(program.program)}-${proxies}.log`)
  }

  /** Rejects with {@link ExternalProgramError} when the program ends by itself. Never resolves. */
  get ended(): Promise<never> {
    return this.#ended.promise
  }

  /** The same, with where its output is in the error, because that is where to look first. */
  async explaining<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work
    } catch (cause) {
      if (cause instanceof ExternalProgramError || !(cause instanceof Error)) throw cause
      const { name, program } = this.#program
      const said = await lastOutput(this.outputFile)
      const fix = 'does it use --external-args {kubeconfig} and {node}, and the node that it runs on?'
      const message = `${name} (${program}): ${cause.message}; its output is in ${this.outputFile}${said}`
      throw new ExternalProgramError(message, fix)
    }
  }

  /** @throws ExternalProgramError when it can't be started, ArgumentsError for a place that isn't known */
  async start(node: Host, { host, port, kubeconfig }: ApiServerAddress): Promise<void> {
    const { program, args } = this.#program
    const filled = fillArguments(args, {
      kubeconfig,
      node: thisNode,
      clusterCidr: network.IPv4.clusterCidr,
      apiServer: `https://${host}:${port}`,
    })
    const output = await open(this.outputFile, 'a+', 0o600)
    try {
      // Both replace themselves by the next program. If the benchmark dies, the program does, too: its node is gone then.
      const argv = ['--pdeathsig', 'KILL', 'nsenter', `--net=${node.networkNamespace}`, program, ...filled]
      const child = spawn('setpriv', argv, {
        stdio: ['ignore', output.fd, output.fd],
        // Ctrl-C is for the benchmark, which stops it then.
        detached: true,
        env: { ...process.env, PATH: systemPath, KUBECONFIG: kubeconfig },
      })
      this.#child = child
      this.#peakRssBytes = 0
      this.#watch(child)
      await Promise.race([new Promise((resolve) => child.once('spawn', resolve)), this.ended])
    } finally {
      await output.close()
    }
    this.#look()
  }

  /** @throws ExternalProgramError when it has ended */
  async usage(): Promise<ProcessUsage> {
    const child = this.#child
    if (child?.pid === undefined) throw new Error(`${this.#program.name} isn't running`)
    if (child.exitCode !== null || child.signalCode !== null) await this.ended
    this.#look()
    const now = readTreeUsage(child.pid)
    // It may have grown since the last look.
    this.#peakRssBytes = Math.max(this.#peakRssBytes, now.rssBytes)
    return { ...now, peakRssBytes: this.#peakRssBytes }
  }

  /** @param rules without a meaning here: it leaves what it leaves */
  async stop(_rules: 'stay' | 'go'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#stopTimeoutMs)
    await exited
    clearTimeout(timer)
  }

  #look(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      this.#peakRssBytes = Math.max(this.#peakRssBytes, readTreeUsage(pid).rssBytes)
    } catch {
      // It has ended: `ended` says so.
    }
  }

  /** Looks at its memory while it runs, and reports an end that was not asked for. */
  #watch(child: ChildProcess): void {
    const { name, program } = this.#program
    // Made before anything is awaited: a program that ends at once is to be looked at no more.
    const looking = setInterval(() => this.#look(), lookEvery)
    child.once('error', (error) => {
      clearInterval(looking)
      const fix = 'is setpriv installed (util-linux), and is this Linux?'
      this.#ended.reject(
        new ExternalProgramError(`${name} (${program}) could not be started: ${error.message}`, fix),
      )
    })
    if (child.pid !== undefined) groups.add(child.pid)
    child.once('exit', async (code, signal) => {
      // At once, while the number is surely still that of its group.
      if (child.pid !== undefined) killGroup(child.pid)
      clearInterval(looking)
      if (this.#child !== child) return
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`
      const said = await lastOutput(this.outputFile)
      const fix = 'check --external and --external-args; try the same command in a terminal'
      const message = `${name} (${program}) ended ${how}; its output is in ${this.outputFile}${said}`
      this.#ended.reject(new ExternalProgramError(message, fix))
    })
  }
}

async function lastOutput(path: string): Promise<string> {
  isTold = true
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const { size } = await file.stat()
    const length = Math.min(size, shownOutput)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer.toString('utf8').trim().split('\n').slice(-5)
    return lines[0] === '' ? '; it said nothing' : `; it said last:\n  ${lines.join('\n  ')}`
  } catch {
    return ''
  } finally {
    await file?.close()
  }
}

/** Process groups of programs that run. They go with the benchmark, however it ends: Ctrl-C, too. */
const groups = new Set<number>()
process.once('exit', () => {
  for (const group of groups) killGroup(group)
})

/** Tools that outlive a program would go on writing rules. They are of its group, unless they took care not to be. */
function killGroup(group: number): void {
  groups.delete(group)
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // None does, as it should be.
  }
}

let folder: string | undefined
let proxies = 0
let isTold = false

/** Stays after the benchmark where an error has named a file in it. */
function outputFolder(): string {
  if (folder !== undefined) return folder
  const made = mkdtempSync(join(tmpdir(), 'portolan-external-'))
  process.once('exit', () => {
    if (!isTold) rmSync(made, { recursive: true, force: true })
  })
  folder = made
  return made
}
