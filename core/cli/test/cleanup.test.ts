import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import type { Outcome, Step } from './cleanup-guest.ts'

// What dataplanes really leave in the kernel. Each test has network and mounts of its own, with a bpf file system and a
// cgroup of its own, so it meets nothing of the machine's.

const env = { ...process.env, PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
const run = promisify(execFile)
const guest = fileURLToPath(new URL('./cleanup-guest.ts', import.meta.url))
const program = fileURLToPath(new URL('../portolan.js', import.meta.url))
/** Where the cgroup2 hierarchy is mounted: beside others, on some machines. */
const cgroupRoot =
  /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1] ?? '/sys/fs/cgroup'
let count = 0

class Node {
  readonly #name: string
  readonly cgroup: string

  private constructor(name: string) {
    this.#name = name
    this.cgroup = `${cgroupRoot}/${name}`
  }

  static async create(t: ExecutionContext): Promise<Node> {
    t.timeout(600_000)
    const node = new Node(`pl-cleanup-${process.pid}-${count++}`)
    await run('ip', ['netns', 'add', node.#name], { env })
    t.teardown(() => run('ip', ['netns', 'delete', node.#name], { env }))
    mkdirSync(node.cgroup)
    t.teardown(() => rmdirSync(node.cgroup))
    const link = ['link', 'add', 'uplink0', 'type', 'veth', 'peer', 'name', 'uplink1']
    for (const args of [
      link,
      ['address', 'add', '192.168.50.11/24', 'dev', 'uplink0'],
      ['link', 'set', 'uplink0', 'up'],
      ['link', 'set', 'lo', 'up'],
    ])
      await run('ip', ['-n', node.#name, ...args], { env })
    return node
  }

  /** Outcomes of the steps that run something. */
  async take(...steps: readonly Step[]): Promise<readonly Outcome[]> {
    // The machine's own goes first, in this mount namespace alone, so that a cleanup that unmounts doesn't meet it.
    const ready = [execute('umount', '/sys/fs/bpf'), execute('mount', '-t', 'bpf', 'bpf', '/sys/fs/bpf')]
    const all: Step[] = [...ready, ...steps]
    const enter = [`--net=/run/netns/${this.#name}`, 'unshare', '--mount', '--propagation', 'private']
    const { stdout } = await run('nsenter', [...enter, process.execPath, guest, JSON.stringify(all)], { env })
    return (JSON.parse(stdout) as Outcome[]).slice(ready.length)
  }

  /** What each dataplane that this kernel has leaves behind. */
  get leftovers(): readonly Step[] {
    const small = ['frontends', 'services', 'endpoints', 'ranges', 'members', 'affinities', 'flows']
    const sizes = Object.fromEntries(small.map((map) => [`${map}-size`, '4096']))
    return [
      { leave: 'nftables' },
      { leave: 'iptables', settings: { variant: 'nft' } },
      { leave: 'ebpf', settings: { ...sizes, cgroup: this.cgroup } },
    ]
  }
}

const portolan = (...args: readonly string[]): Step => ({ run: [process.execPath, program, ...args] })
const execute = (...command: readonly string[]): Step => ({ run: command })

/** Everything of others' that might be mistaken for ours. */
const foreign: readonly Step[] = [
  execute('nft', 'add', 'table', 'ip', 'someone-else'),
  execute('iptables-nft', '-t', 'nat', '-N', 'FOREIGN'),
  execute('iptables-legacy', '-t', 'nat', '-N', 'FOREIGN'),
  execute('ipset', 'create', 'foreign', 'hash:ip'),
  execute('mkdir', '/sys/fs/bpf/someone'),
]

const inventory: readonly Step[] = [
  execute('nft', 'list', 'tables'),
  execute('iptables-nft-save'),
  execute('iptables-legacy-save'),
  execute('ipset', 'list', '-name'),
  execute('find', '/sys/fs/bpf', '-mindepth', '1', '-maxdepth', '2', '-not', '-name', '*.debug'),
  execute('tc', 'filter', 'show', 'dev', 'uplink0', 'ingress'),
]

const textOf = (outcomes: readonly Outcome[]): string => outcomes.map(({ stdout }) => stdout).join('')

test('cleanup removes what any of our dataplanes has left, says whose it was, and leaves all else', async (t) => {
  const node = await Node.create(t)
  const outcomes = await node.take(
    ...foreign,
    ...node.leftovers,
    ...inventory,
    portolan('cleanup'),
    ...inventory,
    // As kube-proxy has it, and without a word of a cluster.
    portolan('run', '--cleanup'),
  )
  t.true(outcomes.slice(0, foreign.length).every(({ code }) => code === 0))
  const before = textOf(outcomes.slice(foreign.length, foreign.length + inventory.length))
  const [first, ...rest] = outcomes.slice(foreign.length + inventory.length)
  const after = textOf(rest.slice(0, inventory.length))
  const again = rest.at(-1)

  for (const ours of [
    /table ip portolan$/m,
    /table ip6 portolan$/m,
    /^:PORTOLAN-/m,
    /^PORTOLAN-4/m,
    /bpf\/portolan/,
  ])
    t.regex(before, ours)
  t.notRegex(after, /portolan|PORTOLAN/)
  for (const theirs of [/table ip someone-else/, /:FOREIGN(.|\n)*:FOREIGN/, /^foreign$/m, /bpf\/someone/])
    t.regex(after, theirs)

  t.is(first?.code, 0, first?.stderr)
  for (const line of [
    /^nftables: removed table ip portolan$/m,
    /^nftables: removed table ip6 portolan$/m,
    /^iptables: removed \d+ chains of the nft IPv4 table nat$/m,
    /^iptables: removed \d+ ipsets$/m,
    /^ipvs: /m,
    /^ebpf: removed pin \/sys\/fs\/bpf\/portolan\/host\/links\//m,
  ])
    t.regex(first?.stdout ?? '', line)

  t.is(again?.code, 0)
  t.notRegex(again?.stdout ?? '', /removed/)
  for (const name of ['nftables', 'iptables', 'ebpf'])
    t.regex(again?.stdout ?? '', new RegExp(`^${name}: nothing to remove$`, 'm'))
})

test('cleanup --dataplane removes what that one has left, and nothing of the others', async (t) => {
  const node = await Node.create(t)
  const outcomes = await node.take(
    ...node.leftovers,
    portolan('cleanup', '--dataplane', 'ebpf'),
    portolan('cleanup', '--dataplane', 'iptables'),
    ...inventory,
  )
  const [ebpf, iptables, ...there] = outcomes
  t.regex(ebpf?.stdout ?? '', /^ebpf: removed pin /m)
  t.regex(iptables?.stdout ?? '', /^iptables: removed \d+ ipsets$/m)
  t.notRegex(textOf(outcomes.slice(0, 2)), /^nftables/m)
  t.regex(textOf(there), /table ip portolan$/m)
  t.notRegex(textOf(there), /PORTOLAN-|bpf\/portolan/)
})

test('where the tools and the file system are not there, cleanup says so and succeeds', async (t) => {
  const node = await Node.create(t)
  const [unmounted, hidden, cleaned] = await node.take(
    execute('umount', '/sys/fs/bpf'),
    execute('mount', '-t', 'tmpfs', 'none', '/usr/sbin'),
    portolan('cleanup'),
  )
  t.is(unmounted?.code, 0)
  t.is(hidden?.code, 0)
  t.is(cleaned?.code, 0, cleaned?.stderr)
  t.regex(cleaned?.stdout ?? '', /^nftables: not on this node: nft is not installed$/m)
  t.regex(cleaned?.stdout ?? '', /^iptables: not on this node: iptables is not installed$/m)
})

test("a set that another tool's rule still uses fails the cleanup, which names it and removes all else", async (t) => {
  const node = await Node.create(t)
  const rule = ['FORWARD', '-m', 'set', '--match-set', 'PORTOLAN-4-cluster-ips', 'dst', '-j', 'ACCEPT']
  const [used, failed, freed, cleaned, ...there] = await node.take(
    ...node.leftovers,
    execute('iptables-nft', '-A', ...rule),
    portolan('cleanup'),
    execute('iptables-nft', '-D', ...rule),
    portolan('cleanup'),
    ...inventory,
  )
  t.is(used?.code, 0, used?.stderr)
  t.is(failed?.code, 1)
  t.regex(failed?.stderr ?? '', /iptables: .*ipsets: .*still in use: PORTOLAN-4-cluster-ips/)
  t.regex(failed?.stdout ?? '', /^nftables: removed table ip portolan$/m)
  t.regex(failed?.stdout ?? '', /^ebpf: removed pin /m)
  t.is(freed?.code, 0)
  t.is(cleaned?.code, 0, cleaned?.stderr)
  t.notRegex(textOf(there), /portolan|PORTOLAN/)
})

test('a setting of the kernel that cannot be undone fails the cleanup, which says what to do and then finishes', async (t) => {
  const node = await Node.create(t)
  const setting = '/proc/sys/net/ipv4/conf/all/route_localnet'
  const [on, bound, readOnly, failed, writable, cleaned, off] = await node.take(
    { leave: 'iptables', settings: { variant: 'nft' } },
    execute('cat', setting),
    execute('mount', '--bind', '/proc/sys', '/proc/sys'),
    execute('mount', '-o', 'remount,bind,ro', '/proc/sys'),
    portolan('cleanup'),
    execute('umount', '/proc/sys'),
    portolan('cleanup'),
    execute('cat', setting),
  )
  t.is(on?.stdout, '1\n')
  t.is(bound?.code, 0)
  t.is(readOnly?.code, 0)
  t.is(failed?.code, 1)
  t.regex(failed?.stderr ?? '', /route_localnet, .* cannot be set to 0: make \/proc\/sys writable/)
  t.is(writable?.code, 0)
  t.is(cleaned?.code, 0, cleaned?.stderr)
  t.is(off?.stdout, '0\n')
})

test('an option without its dataplane is refused', async (t) => {
  const { code, stderr } = await run(
    process.execPath,
    [program, 'cleanup', '--dataplane-option', 'variant=nft'],
    { env },
  ).then(
    () => ({ code: 0, stderr: '' }),
    (error: { code: number; stderr: string }) => error,
  )
  t.is(code, 2)
  t.regex(stderr, /of which dataplane\?/)
})
