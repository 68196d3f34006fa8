import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

// The real program on the real kernel, each in a network namespace of its own.

/** The system's own tools: npm puts a program called nft of quite another kind before them. */
const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }

function run(file: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(file, args, { env })
}

const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
const sample = fileURLToPath(new URL('../../../docs/sample-cluster.yaml', import.meta.url))
let count = 0

/** A network namespace that is node-a of the sample cluster, and a copy of that cluster to change. */
class Node {
  readonly name = `pl-run-${process.pid}-${count++}`
  readonly file: string
  readonly #children: ChildProcess[] = []

  private constructor(directory: string) {
    this.file = join(directory, 'cluster.yaml')
  }

  static async create(t: ExecutionContext): Promise<Node> {
    const directory = await mkdtemp(join(tmpdir(), 'pl-run-'))
    const node = new Node(directory)
    t.teardown(async () => {
      for (const child of node.#children) child.kill('SIGKILL')
      await run('ip', ['netns', 'delete', node.name])
      await rm(directory, { recursive: true })
    })
    await run('ip', ['netns', 'add', node.name])
    await run('ip', ['-n', node.name, 'link', 'set', 'lo', 'up'])
    await node.addAddress('192.168.50.11/24')
    await node.write((text) => text)
    return node
  }

  async addAddress(cidr: string): Promise<void> {
    await run('ip', ['-n', this.name, 'address', 'add', cidr, 'dev', 'lo'])
  }

  /** Replaces the file as a careful writer does: all at once. */
  async write(change: (text: string) => string): Promise<void> {
    await writeFile(`${this.file}.new`, change(await readFile(sample, 'utf8')))
    await rename(`${this.file}.new`, this.file)
  }

  portolan(...args: string[]): Promise<{ stdout: string; stderr: string }> {
    return run('ip', ['netns', 'exec', this.name, process.execPath, program, ...args])
  }

  /** Starts `portolan run`; resolves when the node is first in sync. */
  async start(...args: string[]): Promise<Running> {
    const command = [
      process.execPath,
      program,
      'run',
      '--source',
      `file:${this.file}`,
      '--node',
      'node-a',
      ...args,
    ]
    const child = spawn('ip', ['netns', 'exec', this.name, ...command], { env })
    this.#children.push(child)
    const running = new Running(child)
    await running.said('node in sync')
    return running
  }

  /** Elements of one set or map of ours, as text. */
  async nft(set: string): Promise<string> {
    const { stdout } = await run('ip', [
      'netns',
      'exec',
      this.name,
      'nft',
      'list',
      'map',
      'ip',
      'portolan',
      set,
    ])
    return stdout
  }

  async nftSet(set: string): Promise<string> {
    const { stdout } = await run('ip', [
      'netns',
      'exec',
      this.name,
      'nft',
      'list',
      'set',
      'ip',
      'portolan',
      set,
    ])
    return stdout
  }

  async tables(): Promise<string> {
    return (await run('ip', ['netns', 'exec', this.name, 'nft', 'list', 'tables'])).stdout
  }
}

interface LogLine {
  readonly msg: string
  readonly level: string
  readonly [field: string]: unknown
}

class Running {
  readonly lines: LogLine[] = []
  readonly ended: Promise<number | null>
  errors = ''
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (chunk) => {
      this.errors += String(chunk)
    })
    const output = child.stdout
    if (output !== null)
      createInterface(output).on('line', (line) => this.lines.push(JSON.parse(line) as LogLine))
    this.ended = new Promise((resolve) => child.on('close', resolve))
  }

  async said(message: string): Promise<LogLine> {
    const found = await eventually(() => this.lines.find(({ msg }) => msg.includes(message)))
    if (found === undefined)
      throw new Error(`never said '${message}': ${JSON.stringify(this.lines)} ${this.errors}`)
    return found
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return this.ended
  }
}

/** Looks again until there is something, for a minute at most. */
async function eventually<Value>(look: () => Value | Promise<Value>): Promise<Value> {
  const end = performance.now() + 60_000
  for (;;) {
    const value = await look()
    if (value || performance.now() > end) return value
    await sleep(20)
  }
}

test.serial(
  'a second run and a cleanup beside the first are refused; after its kill all go on',
  async (t) => {
    const node = await Node.create(t)
    const first = await node.start()
    const tables = await node.tables()
    for (const command of [['run', '--source', `file:${node.file}`, '--node', 'node-a'], ['cleanup']]) {
      const refused = await t.throwsAsync<Error & { code: number; stderr: string }>(node.portolan(...command))
      t.is(refused?.code, 1)
      t.regex(
        refused?.stderr ?? '',
        /^portolan: another Portolan serves this node: process \d+, since \S+, dataplane nftables, version \S+\n {2}fix: end it first/,
      )
    }
    t.is(await node.tables(), tables)
    // What only reads goes on beside it.
    await node.portolan('plan', '--source', `file:${node.file}`, '--node', 'node-a', '--from', 'kernel')
    await node.portolan('cleanup', '--dataplane', 'nftables', '--force')
    await first.stop('SIGKILL')
    await (await node.start()).stop('SIGTERM')
    await node.portolan('cleanup', '--dataplane', 'nftables')
    t.is(await node.tables(), '')
  },
)

test.serial('run programs the node, stops cleanly, leaves its rules; a second run adopts them', async (t) => {
  const node = await Node.create(t)
  const first = await node.start()
  const start = await first.said('first apply done')
  t.true(Number(start.operations) > 0)
  t.is(await first.stop('SIGTERM'), 0)
  t.regex(await node.nft('vips'), /10\.96\.0\.10 \. tcp \. 80/)

  const second = await node.start()
  const adopted = second.lines.filter(({ msg }) => msg === 'first apply done')
  t.deepEqual(
    adopted.map(({ operations }) => operations),
    [0, 0],
    'nothing differs, so nothing is written',
  )
  t.is(await second.stop('SIGINT'), 0)
})

test.serial('run follows its file', async (t) => {
  const node = await Node.create(t)
  const running = await node.start()
  await node.write((text) => text.replaceAll('10.96.0.20', '10.96.0.21'))
  t.true(await eventually(async () => (await node.nft('vips')).includes('10.96.0.21')))
  t.false((await node.nft('vips')).includes('10.96.0.20'))
  t.is(await running.stop('SIGTERM'), 0)
})

test.serial('run keeps what it has when its file breaks, and says so', async (t) => {
  const node = await Node.create(t)
  const running = await node.start()
  await node.write((text) => text.slice(0, text.length / 2).concat('\n  {'))
  const warning = await running.said('the last state stays')
  t.is(warning.level, 'warn')
  t.regex(await node.nft('vips'), /10\.96\.0\.10 \. tcp \. 80/)
  t.is(await running.stop('SIGTERM'), 0)
})

test.serial('run follows the addresses of its network namespace', async (t) => {
  const node = await Node.create(t)
  const running = await node.start('--nodeport-addresses', '192.168.0.0/16')
  t.regex(await node.nftSet('nodeport-addresses'), /192\.168\.50\.11/)
  await node.addAddress('192.168.60.1/24')
  t.true(await eventually(async () => (await node.nftSet('nodeport-addresses')).includes('192.168.60.1')))
  t.is(await running.stop('SIGTERM'), 0)
})

test.serial(
  'run follows its Node object through all its changes, and goes on when it is deleted',
  async (t) => {
    const node = await Node.create(t)
    const running = await node.start()
    const answering = (set: string, address: string) =>
      eventually(async () => (await node.nftSet(set)).includes(address))
    t.true(await answering('nodeport-addresses', '192.168.50.11'))

    // The machine gets another address, and then its Node; the zone changes with it.
    await node.addAddress('192.168.50.12/24')
    await node.write((text) => text.replace('address: 192.168.50.11', 'address: 192.168.50.12'))
    t.true(await answering('nodeport-addresses', '192.168.50.12'))
    t.false((await node.nftSet('nodeport-addresses')).includes('192.168.50.11'))

    await running.said(
      'addresses from 192.168.50.11, fd00:192:168:50::11 to 192.168.50.12, fd00:192:168:50::11',
    )

    // Without a Node object, what is known of it stays, and Services are followed.
    await node.write((text) => withoutNodes(text).replaceAll('10.96.0.20', '10.96.0.21'))
    t.true(await eventually(async () => (await node.nft('vips')).includes('10.96.0.21')))
    t.true((await node.nftSet('nodeport-addresses')).includes('192.168.50.12'))
    await running.said('Node node-a is deleted')

    // Made again with another first address, as when a machine is replaced under its name.
    await node.write((text) => text)
    t.true(await answering('nodeport-addresses', '192.168.50.11'))
    t.is(await running.stop('SIGTERM'), 0)
  },
)

test.serial('in mode NodeCIDR run ends when the pod ranges change, and says why', async (t) => {
  const node = await Node.create(t)
  const running = await node.start('--detect-local-mode', 'NodeCIDR')
  await node.write((text) => text.replace('podCIDRs: [10.244.1.0/24', 'podCIDRs: [10.244.9.0/24'))
  t.is(await running.ended, 1)
  t.regex(running.errors, /podCIDRs of Node node-a changed from 10\.244\.1\.0\/24.* to 10\.244\.9\.0\/24/)
  t.regex(await node.tables(), /portolan/, 'the rules stay')
})

test.serial('run ends when its configuration changes what it cannot follow, and says why', async (t) => {
  const node = await Node.create(t)
  const path = `${node.file}.conf`
  const config = (fields: string) =>
    writeFile(
      path,
      `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: nftables\n${fields}\n`,
    )
  await config('clusterCidr: 10.244.0.0/16')
  const running = await node.start('--config', path, '--cluster-cidr', '10.0.0.0/8')
  const unread = running.lines.filter(({ event }) => event === 'setting-not-read')
  t.deepEqual(
    unread.map(({ setting }) => setting),
    ['clusterCidr', '--cluster-cidr'],
  )
  await config('clusterCIDR: 10.244.0.0/16')
  t.is(await running.ended, 1)
  t.regex(running.errors, /has changed clusterCIDR from "" to "10\.244\.0\.0\/16"\n {2}fix: start it again/)
  t.true((await node.nft('vips')).includes('10.96.0.10'))
})

test.serial('run repairs what another tool deleted', async (t) => {
  const node = await Node.create(t)
  const running = await node.start('--audit-period', '200ms')
  await run('ip', ['netns', 'exec', node.name, 'nft', 'flush', 'map', 'ip', 'portolan', 'vips'])
  const drift = await running.said('another tool changed our rules')
  t.regex(JSON.stringify(drift.findings), /vips lacks/)
  t.true(await eventually(async () => (await node.nft('vips')).includes('10.96.0.10')))
  t.is(await running.stop('SIGTERM'), 0)
})

test.serial('plan from the kernel shows only what differs, and changes nothing', async (t) => {
  const node = await Node.create(t)
  await (await node.start()).stop('SIGTERM')
  const args = ['plan', '--from', 'kernel', '--source', `file:${node.file}`, '--node', 'node-a']
  t.is((await node.portolan(...args)).stdout, '')
  await node.write((text) => text.replaceAll('10.96.0.20', '10.96.0.21'))
  const { stdout } = await node.portolan(...args)
  t.regex(stdout, /10\.96\.0\.21/)
  t.notRegex(stdout, /10\.96\.0\.53/)
  t.notRegex(await node.nft('vips'), /10\.96\.0\.21/)
})

test.serial(
  'broken objects are reported one by one, and counted by field once the node is in sync',
  async (t) => {
    const node = await Node.create(t)
    const broken = (name: string) =>
      `---\nkind: Service\nmetadata: {name: ${name}}\nspec: {clusterIP: 10.96.0.999, ports: [{port: 80}]}\n`
    await node.write((text) => text + broken('a') + broken('b'))
    const running = await node.start()
    const summary = await running.said('2 problems in objects: Service spec.clusterIP 2 since the start')
    t.deepEqual(summary.problems, { 'Service spec.clusterIP': 2 })
    t.is(running.lines.filter(({ msg }) => /^Service default\/[ab]: spec\.clusterIP/.test(msg)).length, 2)
    t.is(await running.stop('SIGTERM'), 0)
  },
)

const withoutNodes = (text: string): string =>
  text
    .split(/^---$/m)
    .filter((document) => !/^kind: Node$/m.test(document))
    .join('---')

test.serial(
  'a restart while the Node object is missing keeps NodePorts, and says so with what to do',
  async (t) => {
    const node = await Node.create(t)
    await (await node.start()).stop('SIGTERM')
    await node.write(withoutNodes)
    t.notRegex(await readFile(node.file, 'utf8'), /kind: Node$/m)
    const plan = ['plan', '--from', 'kernel', '--source', `file:${node.file}`, '--node', 'node-a']
    const planned = await node.portolan(...plan)
    t.notRegex(planned.stdout, /nodeport-addresses/)
    t.regex(planned.stderr, /no Node object node-a with an address, so NodePorts stay at 192\.168\.50\.11/)
    const running = await node.start()
    const warning = await running.said('NodePorts stay at 192.168.50.11')
    t.is(warning.level, 'warn')
    t.regex(warning.msg, /--bind-address/)
    t.regex(await node.nftSet('nodeport-addresses'), /192\.168\.50\.11/)
    await node.addAddress('192.168.50.12/24')
    await node.write((text) => text.replace('address: 192.168.50.11', 'address: 192.168.50.12'))
    t.true(await eventually(async () => (await node.nftSet('nodeport-addresses')).includes('192.168.50.12')))
    t.false((await node.nftSet('nodeport-addresses')).includes('192.168.50.11'))
    t.is(await running.stop('SIGTERM'), 0)
  },
)

test.serial(
  'explain --from kernel says which step of a way the kernel lacks, with exit code 1',
  async (t) => {
    const node = await Node.create(t)
    const running = await node.start('--audit-period', '0')
    const explain = (...args: string[]) =>
      node
        .portolan(
          ...['explain', '--source', `file:${node.file}`, '--node', 'node-a', '--from', 'outside'],
          ...['--to', '203.0.113.10:80', '--from', 'kernel', ...args],
        )
        .then(
          ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
          (error: { code: number; stdout: string; stderr: string }) => error,
        )
    const whole = await explain()
    t.is(whole.code, 0, whole.stderr)
    t.regex(whole.stdout, /^kernel +holds 5 steps as they should be$/m)
    t.notRegex(whole.stdout, /✘/)
    // A destination whose policy no map leads on from: packets leave untranslated.
    const nft = (...args: string[]) => run('ip', ['netns', 'exec', node.name, 'nft', ...args])
    const { stdout: map } = await nft('list', 'map', 'ip', 'portolan', 'policies-vip')
    const [, policy = ''] = /([\d:a-f]+) : goto vip-lCl\b/.exec(map) ?? []
    await nft('delete', 'element', 'ip', 'portolan', 'policies-vip', '{', policy, '}')
    const broken = await explain()
    t.is(broken.code, 1)
    t.regex(
      broken.stdout,
      /goto vip-lCl\n +✘ this kernel differs: policies-vip lacks \{ [\d:a-f]+ : goto vip-lCl \}\n/,
    )
    t.regex(broken.stdout, /^kernel +lacks or differs in 1 of 5 steps$/m)
    t.regex(broken.stderr, /portolan plan --from kernel/)
    const told = JSON.parse((await explain('--json')).stdout) as { kernel: { missing: { rule: string }[] } }
    t.regex(told.kernel.missing[0]?.rule ?? '', /^chain services: @vips/)
    t.is(told.kernel.missing.length, 1)
    t.is(await running.stop('SIGTERM'), 0)
  },
)

test.serial('explain --from kernel finds a range that lets in who should be dropped', async (t) => {
  const node = await Node.create(t)
  const running = await node.start('--audit-period', '0')
  const to = ['--from', 'outside', '--to', '203.0.113.30:443', '--from', 'kernel']
  const args = ['explain', '--source', `file:${node.file}`, '--node', 'node-a', ...to]
  t.regex((await node.portolan(...args)).stdout, /^verdict +drop$/m)
  const range = '{ 203.0.113.30 . tcp . 443 . 203.0.113.0/24 }'
  const add = ['add', 'element', 'ip', 'portolan', 'allowed-sources', range]
  await run('ip', ['netns', 'exec', node.name, 'nft', ...add])
  const error = await t.throwsAsync(node.portolan(...args))
  t.regex(
    (error as unknown as { stdout: string }).stdout,
    /allowed-sources has \{ 203\.0\.113\.30 .*203\.0\.113\.0\/24 \}/,
  )
  t.is(await running.stop('SIGTERM'), 0)
})

test.serial('explain --from kernel of a kernel that holds nothing finds nothing', async (t) => {
  const node = await Node.create(t)
  const args = ['--source', `file:${node.file}`, '--node', 'node-a', '--from', 'pod', '--to', '10.96.0.10:80']
  const error = await t.throwsAsync(
    node.portolan('explain', ...args, '--from', 'kernel', '--cluster-cidr', '10.244.0.0/16'),
  )
  t.regex((error as unknown as { stdout: string }).stdout, /✘ this kernel differs: there is no table/)
  const several = await t.throwsAsync(node.portolan('explain', ...args, '--from', 'node'))
  t.is((several as unknown as { code: number }).code, 2)
})

test.serial('cleanup removes what is ours and nothing else', async (t) => {
  const node = await Node.create(t)
  await run('ip', ['netns', 'exec', node.name, 'nft', 'add', 'table', 'ip', 'someone-else'])
  await (await node.start()).stop('SIGTERM')
  const { stdout } = await node.portolan('cleanup', '--dataplane', 'nftables')
  t.regex(stdout, /^nftables: removed table ip portolan$/m)
  t.is(await node.tables(), 'table ip someone-else\n')
  t.regex((await node.portolan('cleanup', '--dataplane', 'nftables')).stdout, /nothing to remove/)
})
