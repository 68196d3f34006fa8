import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

// The health servers of the real program on the real kernel, asked as a load balancer asks.

const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const run = (file: string, args: readonly string[]) => promisify(execFile)(file, args, { env })

const checkedService = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: 32000
  clusterIPs: [10.96.0.10, 'fd00:96::10']
  ipFamilies: [IPv4, IPv6]
  ports: [{ port: 80, protocol: TCP, nodePort: 30080 }]
`

function cluster(node: string, ready: boolean): string {
  return `
apiVersion: v1
kind: Node
metadata: { name: node-a }
spec: ${node}
status: { addresses: [{ type: InternalIP, address: 192.168.50.11 }] }
---${checkedService}---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: shop, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: '', port: 8080, protocol: TCP }]
endpoints:
  - { addresses: [10.244.1.5], nodeName: node-a, conditions: { ready: ${ready} } }
`
}

interface Answer {
  readonly status: number
  readonly weight: string | null
  readonly body: string
}

class HealthNode {
  readonly #name = `pl-health-${process.pid}`
  readonly #file: string
  readonly #children: ChildProcess[] = []
  output = ''

  private constructor(directory: string) {
    this.#file = join(directory, 'cluster.yaml')
  }

  static async create(t: ExecutionContext): Promise<HealthNode> {
    const directory = await mkdtemp(join(tmpdir(), 'pl-health-'))
    const node = new HealthNode(directory)
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
async function eventually(t: ExecutionContext, what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > end) return t.fail(`never: ${what}`)
    await sleep(50)
  }
}

const health = 'http://127.0.0.1:10256'

test.serial('a load balancer hears of the node and of the Service, at both families', async (t) => {
  const node = await HealthNode.create(t)
  await node.write(cluster('{}', true))
  const child = node.portolan()
  const check = 'http://192.168.50.11:32000/'
  const urls = [`${health}/healthz`, `${health}/livez`, 'http://[::1]:10256/healthz', check]
  const statuses = async () => (await node.ask(...urls)).map((answer) => answer?.status)
  const become = (what: string, expected: readonly number[]) =>
    eventually(t, `${what}: ${expected.join()}; ${node.output}`, async () => {
      return (await statuses()).join() === expected.join()
    })
  await become('well', [200, 200, 200, 200])
  t.is((await node.ask(check))[0]?.weight, '1')
  t.is((await node.ask('http://127.0.0.1:32000/'))[0], null, 'only where NodePorts answer')
  await node.write(cluster('{}', false))
  await become('no ready endpoint', [200, 200, 200, 503])
  await node.write(cluster('{ taints: [{ key: ToBeDeletedByClusterAutoscaler }] }', true))
  await become('the autoscaler takes the node', [503, 200, 503, 200])
  const [healthz] = await node.ask(`${health}/healthz`)
  const { nodeEligible, problems } = JSON.parse(healthz?.body ?? '')
  t.false(nodeEligible)
  t.deepEqual(problems, [{ problem: 'node-leaving', why: 'autoscaler' }])
  await node.write(checkedService)
  await eventually(t, 'the Node is gone', async () => {
    const [answer] = await node.ask(`${health}/healthz`)
    return answer?.body.includes('node-unknown') === true
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  t.is(await ended, 0, node.output)
})

test.serial(
  'with bindAddressHardFail a port that is taken ends the start, before anything is touched',
  async (t) => {
    const node = await HealthNode.create(t)
    await node.write(cluster('{}', true))
    node.spawn(
      process.execPath,
      '-e',
      "require('http').createServer((q, r) => r.end()).listen(10256, '0.0.0.0')",
    )
    await eventually(t, 'the port is taken', async () => (await node.ask(health))[0] !== null)
    const child = node.portolan('--bind-address-hard-fail')
    t.is(await new Promise((resolve) => child.once('close', resolve)), 1)
    t.regex(node.output, /portolan: the healthz server can't listen on 0\.0\.0\.0:10256: .*EADDRINUSE/)
    t.regex(node.output, /fix: another program has the port/)
    t.notRegex(node.output, /first-apply/)
  },
)
