import { fileURLToPath } from 'node:url'
import test from 'ava'
import { findPackage } from '../../dataplane/load-dataplane.ts'
import { NodeNamespace } from '../../node/test/node-namespace.ts'

const module = JSON.stringify(fileURLToPath(new URL('../predecessors.ts', import.meta.url)))

const kubeProxyModule = JSON.stringify(
  fileURLToPath(new URL('../kube-proxy-predecessor.ts', import.meta.url)),
)

/** Names of those that are found in a node's network namespace. */
async function foundIn(node: NodeNamespace, successor: string): Promise<readonly string[]> {
  const search = `{ successor: ${JSON.stringify(successor)}, masqueradeBit: 14, logger: { warn() {} } }`
  const names = '({ predecessors }) => console.log(JSON.stringify(predecessors.map(({ name }) => name)))'
  return JSON.parse(
    await node.run(
      process.execPath,
      '-e',
      `import(${module}).then((m) => m.findPredecessors(${search})).then(${names})`,
    ),
  )
}

test('what a dataplane has left is found by each other one, and never by itself, however it is named', async (t) => {
  const node = await NodeNamespace.create(t)
  await node.run('nft', 'add table ip portolan')
  const [url = ''] = findPackage('@portolan/dataplane-nftables', process.cwd())
  const path = fileURLToPath(url)
  t.deepEqual(await foundIn(node, 'iptables'), ['nftables'])
  t.deepEqual(await foundIn(node, './another-author.ts'), ['nftables'])
  for (const itself of ['nftables', '@portolan/dataplane-nftables', path])
    t.deepEqual(await foundIn(node, itself), [], itself)
})

test("kube-proxy's rules that can't be asked for are told of, and are not taken for none", async (t) => {
  const node = await NodeNamespace.create(t)
  await node.run('iptables-legacy', '-N', 'KUBE-FORWARD')
  await node.run('nft', 'add table ip kube-proxy')
  const print =
    '({ predecessors, unseen }) => console.log(JSON.stringify([predecessors[0]?.remains, unseen]))'
  const look = async (...before: string[]) =>
    JSON.parse(
      await node.run(
        'env',
        ...before,
        process.execPath,
        '-e',
        `import(${kubeProxyModule}).then((m) => m.findKubeProxy()).then(${print})`,
      ),
    )
  const [table, chain] = ['table ip kube-proxy', 'iptables-legacy: chain KUBE-FORWARD of ip filter']
  t.deepEqual(await look(), [[table, chain], []])
  const [remains, unseen] = await look('setpriv', '--bounding-set', '-net_raw', '--inh-caps', '-net_raw')
  t.deepEqual(remains, [table])
  t.is(unseen.length, 1)
  t.regex(unseen[0], /^kube-proxy, by iptables-legacy \(.*CAP_NET_RAW/)
})
