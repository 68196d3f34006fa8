import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const run = (file: string, args: readonly string[]) => promisify(execFile)(file, args, { env })

/** Nodes that this process has made, so that each has a name. */
let made = 0

export interface Answer {
  readonly status: number
  readonly weight: string | null
  readonly body: string
}

/** For tests: the real program in a network namespace of its own, with the cluster in a file. */
export class FileNode {
  readonly #name = `pl-file-${process.pid}-${++made}`
  readonly #directory: string
  readonly #file: string
  readonly #children: ChildProcess[] = []
  output = ''

  private constructor(directory: string) {
    this.#directory = directory
    this.#file = this.path('cluster.yaml')
  }

  static async create(t: ExecutionContext): Promise<FileNode> {
    const directory = await mkdtemp(join(tmpdir(), 'pl-file-'))
    const node = new FileNode(directory)
    await run('ip', ['netns', 'add', node.#name])
    t.teardown(async () => {
      for (const child of node.#children) child.kill('SIGKILL')
      await run('ip', ['netns', 'delete', node.#name])
      await rm(directory, { recursive: true })
    })
    await run('ip', ['-n', node.#name, 'link', 'set', 'lo', 'up'])
    await run('ip', ['-n', node.#name, 'address', 'add', '192.168.50.11/24', 'dev', 'lo'])
    return node
  }

  /** Of a file of this node's own. */
  path(name: string): string {
    return join(this.#directory, name)
  }

  /** Replaces the file as a careful writer does: all at once. */
  async write(text: string): Promise<void> {
    await writeFile(`${this.#file}.new`, text)
    await rename(`${this.#file}.new`, this.#file)
  }

  spawn(command: string, ...args: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#name, command, ...args], { env })
    this.#children.push(child)
    child.stdout?.on('data', (chunk) => {
      this.output += String(chunk)
    })
    child.stderr?.on('data', (chunk) => {
      this.output += String(chunk)
    })
    return child
  }

  /** Runs a command in the node, to its end. */
  async exec(...command: readonly string[]): Promise<void> {
    await run('ip', ['netns', 'exec', this.#name, ...command])
  }

  portolan(...args: string[]): ChildProcess {
    const source = ['--source', `file:${this.#file}`, '--node', 'node-a']
    return this.spawn(process.execPath, program, 'run', ...source, ...args)
  }

  /** Asks each URL from inside the node; what doesn't answer is `null`. */
  async ask(...urls: readonly string[]): Promise<(Answer | null)[]> {
    const script =
      'Promise.all(process.argv.slice(1).map((url) => fetch(url).then(async (r) => ({ status: r.status, ' +
      "weight: r.headers.get('x-load-balancing-endpoint-weight'), body: await r.text() }), () => null)))" +
      '.then((all) => console.log(JSON.stringify(all)))'
    const command = ['netns', 'exec', this.#name, process.execPath, '-e', script, ...urls]
    return JSON.parse((await run('ip', command)).stdout)
  }
}

/** Looks again until it holds, for a minute at most. */
export async function eventually(
  t: ExecutionContext,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > end) return t.fail(`never: ${what}`)
    await sleep(50)
  }
}
