import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

/** The system's own tools: npm puts a program called nft of quite another kind before them. */
const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

let count = 0

/** A network namespace that stands for a node; it and what was started in it end with the test. */
export class NodeNamespace {
  readonly name = `pl-node-${process.pid}-${count++}`

  static async create(t: ExecutionContext): Promise<NodeNamespace> {
    const node = new NodeNamespace()
    await promisify(execFile)('ip', ['netns', 'add', node.name], { env })
    t.teardown(() => promisify(execFile)('ip', ['netns', 'delete', node.name], { env }))
    await node.run('ip', 'link', 'set', 'lo', 'up')
    return node
  }

  /** Runs a program to its end; throws when it fails. */
  async run(file: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('ip', ['netns', 'exec', this.name, file, ...args], { env })
    return stdout
  }

  /** Starts a program, which is killed when the test ends. */
  start(t: ExecutionContext, stdio: StdioOptions, file: string, ...args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, file, ...args], { env, stdio })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
}
