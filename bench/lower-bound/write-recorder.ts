import childProcess, { type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NetlinkSocket } from '@portolan/native'
import { BpfMap } from '@portolan/native/libbpf'

/** Something that was handed to the kernel, and can be again, from a buffer that is ready. */
export type Write = () => void

/**
 * Records what this process hands to the kernel while it records: batches of netlink, elements of BPF maps, and tools with
 * their input. That is every way in which our dataplanes write, and those of others that use `@portolan/native` or start
 * a tool. It has to be made before anything is written, and stays in effect for the life of the process.
 */
export class WriteRecorder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'portolan-bench-writes-'))
  #writes: Write[] | undefined
  #files = 0
  /** Sockets and maps of the dataplane that is used now, by what is the same of its successor's. */
  readonly #current = new Map<string, object>()
  #names = new WeakMap<object, string>()
  #sockets = 0

  constructor() {
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
    this.#recordMethod(NetlinkSocket.prototype, 'transact')
    for (const name of ['set', 'delete', 'setMany'] as const) this.#recordMethod(BpfMap.prototype, name)
    this.#watchMethod(NetlinkSocket.prototype, 'ask')
    this.#watchMethod(NetlinkSocket.prototype, 'dump')
    this.#watchMethod(BpfMap.prototype, 'entries')
    this.#recordTools()
  }

  /** Runs something that writes, and tells what it wrote. */
  async during(run: () => Promise<unknown>): Promise<readonly Write[]> {
    const writes: Write[] = []
    this.#writes = writes
    try {
      await run()
    } finally {
      this.#writes = undefined
    }
    return writes
  }

  /** What was written goes, from here on, through the sockets and maps of another instance of the same dataplane. */
  expectSuccessor(): void {
    this.#names = new WeakMap()
    this.#sockets = 0
  }

  #nameOf(target: object): string {
    let name = this.#names.get(target)
    if (name === undefined) {
      name = target instanceof BpfMap ? `map ${target.name}` : `socket ${this.#sockets++}`
      this.#names.set(target, name)
      this.#current.set(name, target)
    }
    return name
  }

  /** Takes notice of who is used. */
  #watchMethod<Of extends object>(prototype: Of, name: keyof Of): void {
    const original = prototype[name] as (...args: unknown[]) => unknown
    const recorder = this
    function watched(this: object, ...args: unknown[]): unknown {
      recorder.#nameOf(this)
      return original.apply(this, args)
    }
    Object.defineProperty(prototype, name, { value: watched })
  }

  #recordMethod<Of extends object>(prototype: Of, name: keyof Of): void {
    const original = prototype[name] as (...args: unknown[]) => unknown
    const recorder = this
    function recorded(this: object, ...args: unknown[]): unknown {
      const target = recorder.#nameOf(this)
      const copies = args.map((arg) => (Buffer.isBuffer(arg) ? Buffer.from(arg) : arg))
      const result = original.apply(this, args)
      recorder.#writes?.push(() => void original.apply(recorder.#current.get(target), copies))
      return result
    }
    Object.defineProperty(prototype, name, { value: recorded })
  }

  #recordTools(): void {
    const original = childProcess.spawn
    const spawn = (file: string, args: readonly string[], options: SpawnOptions): ChildProcess => {
      const child = original(file, args, options)
      const writes = this.#writes
      if (writes === undefined) return child
      const input: Buffer[] = []
      if (child.stdin !== null) keepInput(child.stdin, input)
      const kept = args.map((arg) => this.#keepFile(arg))
      const { env, cwd } = options
      writes.push(() => {
        const settings = { ...(env === undefined ? {} : { env }), ...(cwd === undefined ? {} : { cwd }) }
        const { status } = childProcess.spawnSync(file, kept, { ...settings, input: Buffer.concat(input) })
        if (status !== 0) throw new Error(`${file} ${kept.join(' ')} failed when it was run again`)
      })
      return child
    }
    childProcess.spawn = spawn as typeof childProcess.spawn
    syncBuiltinESMExports()
  }

  /** A script that is handed over as an open file is gone afterwards, so it is copied. */
  #keepFile(arg: string): string {
    if (!/^\/proc\/(self|\d+)\/fd\/\d+$/.test(arg)) return arg
    const copy = join(this.#folder, String(++this.#files))
    writeFileSync(copy, readFileSync(arg))
    return copy
  }
}

function keepInput(stdin: NonNullable<ChildProcess['stdin']>, kept: Buffer[]): void {
  const keep = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) kept.push(Buffer.from(chunk as string))
  }
  const { write, end } = stdin
  stdin.write = ((chunk: unknown, ...rest: unknown[]) => {
    keep(chunk)
    return (write as (...args: unknown[]) => boolean).call(stdin, chunk, ...rest)
  }) as typeof stdin.write
  stdin.end = ((chunk: unknown, ...rest: unknown[]) => {
    keep(chunk)
    return (end as (...args: unknown[]) => typeof stdin).call(stdin, chunk, ...rest)
  }) as typeof stdin.end
}
