import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Duplex, Writable } from 'node:stream'
import { readWrongClock, type WrongClock } from './guest-clock.ts'
import { initramfs } from './initramfs.ts'
import { findParts, type VmParts } from './provide.ts'
import { consoleDescriptor, ports, qemuArguments } from './qemu-arguments.ts'
import { VmError } from './vm-error.ts'

export interface VmOptions {
  /** Default: this process's. */
  readonly cwd?: string
  /** All of the command's environment. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Folders whose changes stay after the guest is gone. Default: none. */
  readonly writable?: readonly string[]
  /** Where the command's output goes, as it comes; never ended. Default: this process's own. */
  readonly stdout?: Writable
  readonly stderr?: Writable
  /** For the boot and the command together. Default 600. */
  readonly timeoutSeconds?: number
  /** Default 2. */
  readonly cpus?: number
  /** Also bounds what the command can write to files: three quarters of it. Default 2048. */
  readonly memoryMiB?: number
  /** Switches the machine off; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

export interface VmResult {
  /** The command's; 128 + n when signal n ended it, 127 when there is no such command, as a shell says it. */
  readonly exitCode: number
  /** The guest's `uname -r`. */
  readonly kernel: string
  /** From QEMU's start to the command's. */
  readonly bootSeconds: number
  /** From the command's start to its end. */
  readonly commandSeconds: number
}

/**
 * Boots a guest, runs the command in it (see the top of index.ts), streams its output, switches the guest off.
 * However this process ends, the guest ends with it, and no file stays.
 *
 * @throws VmError
 */
export async function runInVm(command: readonly string[], options: VmOptions = {}): Promise<VmResult> {
  const { timeoutSeconds = 600, cpus = 2, memoryMiB = 2048, signal } = options
  const parts = findParts()
  const writable = (options.writable ?? []).map((path) => resolve(path))
  const files = await initramfs(parts.kernel, {
    command,
    cwd: resolve(options.cwd ?? '.'),
    env: definedOnly(options.env ?? process.env),
    writable,
  })
  signal?.throwIfAborted()

  const begun = performance.now()
  const machine = { kernel: parts.kernel, writable, cpus, memoryMiB }
  let running: ChildProcess | undefined
  const switchOff = () => running?.kill('SIGKILL')
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    switchOff()
  }, timeoutSeconds * 1000)
  signal?.addEventListener('abort', switchOff)
  try {
    for (let clock: WrongClock = {}; ; ) {
      const qemu = startQemu(parts, qemuArguments({ ...machine, ...clock }), files)
      running = qemu
      port(qemu, ports.stdout).pipe(options.stdout ?? process.stdout, { end: false })
      port(qemu, ports.stderr).pipe(options.stderr ?? process.stderr, { end: false })
      const console = tail(port(qemu, consoleDescriptor))
      const complaints = tail(qemu.stderr as Duplex)
      const control = followControl(port(qemu, ports.control), () => {
        // It switches itself off within a tenth of that; one that doesn't manage to has told all that matters.
        setTimeout(() => qemu.kill('SIGKILL'), 10_000).unref()
      })
      await once(qemu, 'close')

      signal?.throwIfAborted()
      const { startedAt, endedAt, exitCode, wrongClock } = control
      if (exitCode !== undefined && startedAt !== undefined && endedAt !== undefined) {
        return {
          exitCode,
          kernel: parts.kernel.release,
          bootSeconds: (startedAt - begun) / 1000,
          commandSeconds: (endedAt - startedAt) / 1000,
        }
      }
      if (wrongClock !== undefined && !timedOut) {
        clock = wrongClock
        continue
      }
      const when = startedAt === undefined ? 'before the command began' : 'while the command ran'
      const said = [complaints(), console()].filter((text) => text !== '').join('\n')
      if (timedOut)
        throw new VmError(
          'VM_TIMED_OUT',
          `timed out after ${timeoutSeconds} s, ${when}${said && `\n${said}`}`,
        )
      throw new VmError('VM_BROKE_DOWN', `the machine broke down ${when}; its last words:\n${said}`)
    }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', switchOff)
    switchOff()
  }
}

/**
 * QEMU, with the sockets of its ports. The kernel kills it when this process ends, however that happens. The initramfs
 * has lost its name before QEMU reads it, so there is nothing to remove.
 */
function startQemu({ qemu, setpriv }: VmParts, args: readonly string[], files: Buffer): ChildProcess {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-vm-'))
  let descriptor: number
  try {
    const path = join(folder, 'initramfs')
    writeFileSync(path, files, { mode: 0o600 })
    descriptor = openSync(path, 'r')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    return spawn(setpriv, ['--pdeathsig', 'KILL', qemu, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', descriptor],
    })
  } finally {
    closeSync(descriptor)
  }
}

function port(qemu: ChildProcess, descriptor: number): Duplex {
  const stream = qemu.stdio[descriptor] as Duplex
  // A reset at QEMU's end is an end like any other: what matters is whether an exit code came.
  return stream.on('error', () => {})
}

/** What the guest has said about the command so far: `started`, then `exit CODE`; or that its clock is wrong. */
function followControl(stream: Duplex, onEnd: () => void) {
  const state: { startedAt?: number; endedAt?: number; exitCode?: number; wrongClock?: WrongClock } = {}
  let heard = ''
  stream.on('data', (data: Buffer) => {
    heard += data
    const wrong = readWrongClock(heard)
    if (wrong !== undefined && state.wrongClock === undefined) {
      state.wrongClock = wrong
      onEnd()
    }
    if (heard.includes('started')) state.startedAt ??= performance.now()
    const code = /^exit (\d+)\r?\n/m.exec(heard)?.[1]
    if (code !== undefined && state.exitCode === undefined) {
      state.endedAt = performance.now()
      state.exitCode = Number(code)
      onEnd()
    }
  })
  return state
}

/** The last lines of a stream. */
function tail(stream: Duplex): () => string {
  let text = ''
  stream.on('data', (data: Buffer) => {
    text = (text + data).slice(-64 * 1024)
  })
  return () => text.trim().split('\n').slice(-40).join('\n')
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
