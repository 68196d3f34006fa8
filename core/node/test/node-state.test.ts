import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { type NodeState, parseChains } from '../node-state.ts'
import { NodeNamespace } from './node-namespace.ts'

const module = JSON.stringify(fileURLToPath(new URL('../node-state.ts', import.meta.url)))
const script = `import(${module}).then(async (m) => console.log(JSON.stringify(await m.readNodeState('/nowhere'))))`

async function stateIn(node: NodeNamespace): Promise<NodeState> {
  return JSON.parse(await node.run(process.execPath, '-e', script))
}

async function nft(t: ExecutionContext, node: NodeNamespace, ...args: string[]): Promise<void> {
  t.log(args.join(' '))
  await node.run('nft', ...args)
}

test("the kernel's own account of a node: interfaces, chains that take packets, and forwarding", async (t) => {
  const node = await NodeNamespace.create(t)
  const empty = await stateIn(node)
  t.deepEqual(empty.chains, [])
  t.deepEqual(empty.bpfPins, [])
  t.is(empty.portolan, undefined)
  await node.run('ip', 'link', 'add', 'kube-dummy-if', 'type', 'veth', 'peer', 'name', 'peer')
  await nft(t, node, 'add table inet mine')
  await nft(t, node, 'add chain inet mine gate { type filter hook forward priority 5; policy drop; }')
  await nft(t, node, 'add chain inet mine plain')
  await node.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=0')
  const { interfaces, chains, forwards } = await stateIn(node)
  t.true(interfaces.includes('kube-dummy-if') && interfaces.includes('lo'))
  t.deepEqual(forwards, { IPv4: true, IPv6: false })
  t.deepEqual(chains, [
    {
      family: 'inet',
      table: 'mine',
      name: 'gate',
      type: 'filter',
      hook: 'forward',
      priority: 5,
      policy: 'drop',
    },
  ])
})

test('chains that take packets are found among those of very many Services', async (t) => {
  const node = await NodeNamespace.create(t)
  const rules = await mkdtemp(join(tmpdir(), 'pl-chains-'))
  t.teardown(() => rm(rules, { recursive: true }))
  const plain = Array.from({ length: 15_000 }, (_, index) => `chain KUBE-SEP-${index} { }`)
  const gate = 'chain FORWARD { type filter hook forward priority 0; policy drop; }'
  await writeFile(join(rules, 'many.nft'), `table ip filter {\n${plain.join('\n')}\n${gate}\n}\n`)
  await node.run('nft', '-f', join(rules, 'many.nft'))
  const { chains } = await stateIn(node)
  t.deepEqual(
    chains?.map(({ name, policy }) => `${name} ${policy}`),
    ['FORWARD drop'],
  )
})

test('a policy of iptables-legacy is seen, and to look makes no table', async (t) => {
  const node = await NodeNamespace.create(t)
  t.deepEqual((await stateIn(node)).legacyForwardDrops, [])
  t.is(await node.run('cat', '/proc/net/ip_tables_names'), '')
  const made = await node.run('iptables-legacy', '-P', 'FORWARD', 'DROP').then(
    () => true,
    () => false,
  )
  if (!made) return t.log('this kernel has no table filter of iptables-legacy')
  t.deepEqual((await stateIn(node)).legacyForwardDrops, ['IPv4'])
  await node.run('iptables-legacy', '-P', 'FORWARD', 'ACCEPT')
  t.deepEqual((await stateIn(node)).legacyForwardDrops, [])
})

test('the folders of pins are looked into', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/pl-pins-`)
  t.teardown(() => rm(directory, { recursive: true }))
  await mkdir(`${directory}/tc/globals`, { recursive: true })
  await writeFile(`${directory}/tc/globals/cilium_lb4_services_v2`, '')
  const look = `import(${module}).then(async (m) => console.log(JSON.stringify((await m.readNodeState(${JSON.stringify(directory)})).bpfPins)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', look])
  t.deepEqual(JSON.parse(stdout), ['cilium_lb4_services_v2'])
})

test('what is no listing of chains is nothing that can be told', (t) => {
  for (const text of ['', '{', 'null', '{}', '{"nftables":1}', '"text"'])
    t.is(parseChains(text), undefined, text)
  t.deepEqual(parseChains('{"nftables":[null,{"table":{}},{"chain":{"name":"plain"}}]}'), [])
})
