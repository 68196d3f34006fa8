import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { KubeProxyRules } from '../kube-proxy-rules.ts'
import { NodeNamespace } from './node-namespace.ts'

// What kube-proxy's modes leave in a real kernel, of which no more is made than what is looked for and its neighbours.

const look = fileURLToPath(new URL('./fixtures/look.ts', import.meta.url))

interface Looked {
  readonly rules: KubeProxyRules
  readonly processes: readonly number[]
}

async function found(node: NodeNamespace, ...before: string[]): Promise<Looked> {
  return JSON.parse(await node.run('env', ...before, process.execPath, look))
}

const nothing = { nftables: [], 'iptables-nft': [], 'iptables-legacy': [], ipvs: [] }

interface Layout {
  readonly title: string
  readonly made: readonly (readonly [string, ...string[]])[]
  readonly gone: readonly (readonly [string, ...string[]])[]
  readonly found: Partial<Record<keyof KubeProxyRules, readonly string[]>>
}

const rows: readonly Layout[] = [
  {
    title: 'the tables of mode nftables',
    made: [
      ['nft', 'add', 'table', 'ip', 'kube-proxy'],
      ['nft', 'add', 'chain', 'ip', 'kube-proxy', 'services'],
      ['nft', 'add', 'table', 'ip6', 'kube-proxy'],
    ],
    gone: [
      ['nft', 'delete', 'table', 'ip', 'kube-proxy'],
      ['nft', 'delete', 'table', 'ip6', 'kube-proxy'],
    ],
    found: { nftables: ['table ip kube-proxy', 'table ip6 kube-proxy'] },
  },
  {
    title: 'the chains of mode iptables, by iptables-nft',
    made: [
      ['iptables-nft', '-N', 'KUBE-FORWARD'],
      ['iptables-nft', '-A', 'KUBE-FORWARD', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP'],
    ],
    gone: [
      ['iptables-nft', '-F', 'KUBE-FORWARD'],
      ['iptables-nft', '-X', 'KUBE-FORWARD'],
    ],
    found: { 'iptables-nft': ['iptables-nft: chain KUBE-FORWARD of ip filter'] },
  },
  {
    title: 'the chains of mode iptables, by iptables-legacy, and the interface of mode ipvs',
    made: [
      ['ip6tables-legacy', '-N', 'KUBE-FORWARD'],
      // Not every kernel has dummy devices, which kube-proxy's is.
      ['ip', 'link', 'add', 'kube-ipvs0', 'type', 'veth', 'peer', 'name', 'other'],
    ],
    gone: [
      ['ip6tables-legacy', '-X', 'KUBE-FORWARD'],
      ['ip', 'link', 'delete', 'kube-ipvs0'],
    ],
    found: {
      'iptables-legacy': ['iptables-legacy: chain KUBE-FORWARD of ip6 filter'],
      ipvs: ['interface kube-ipvs0'],
    },
  },
]

for (const { title, made, gone, found: expected } of rows) {
  test(`${title} are found while they are there`, async (t) => {
    const node = await NodeNamespace.create(t)
    for (const command of made) await node.run(...command)
    t.deepEqual((await found(node)).rules, { ...nothing, ...expected })
    for (const command of gone) await node.run(...command)
    t.deepEqual((await found(node)).rules, nothing)
  })
}

test("kubelet's chains and our own table are not kube-proxy's, and a look leaves nothing behind", async (t) => {
  const node = await NodeNamespace.create(t)
  t.deepEqual((await found(node)).rules, nothing)
  t.is(await node.run('nft', 'list', 'ruleset'), '')
  t.is(await node.run('cat', '/proc/net/ip_tables_names'), '')
  await node.run('iptables-nft', '-t', 'mangle', '-N', 'KUBE-KUBELET-CANARY')
  await node.run('iptables-nft', '-N', 'KUBE-FIREWALL')
  await node.run('nft', 'add', 'table', 'ip', 'portolan')
  t.deepEqual((await found(node)).rules, nothing)
})

test('without the right to ask, nothing is said of what has to be asked for', async (t) => {
  const node = await NodeNamespace.create(t)
  const { rules } = await found(node, 'setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin')
  t.deepEqual(rules, { 'iptables-legacy': [], ipvs: [] })
})

/** A program of the name that runs until the test ends. */
async function startKubeProxy(t: ExecutionContext, node: NodeNamespace): Promise<number | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'pl-kube-proxy-'))
  t.teardown(() => rm(directory, { recursive: true }))
  await copyFile('/bin/sleep', join(directory, 'kube-proxy'))
  return node.start(t, 'ignore', join(directory, 'kube-proxy'), '600').pid
}

test('a kube-proxy of this node is seen, and one of another is not', async (t) => {
  const [node, other] = [await NodeNamespace.create(t), await NodeNamespace.create(t)]
  const pid = await startKubeProxy(t, node)
  await startKubeProxy(t, other)
  // Until the program has taken the place of the one that started it.
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const { processes } = await found(node)
    if (processes.length === 0) continue
    t.deepEqual(processes, [pid])
    return
  }
  t.fail('never seen')
})
