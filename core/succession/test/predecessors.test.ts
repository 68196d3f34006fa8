import { fileURLToPath } from 'node:url'
import test from 'ava'
import { findPackage } from '../../dataplane/load-dataplane.ts'
import { NodeNamespace } from '../../node/test/node-namespace.ts'

const module = JSON.stringify(fileURLToPath(new URL('../predecessors.ts', import.meta.url)))

/** Names of those that are found in a node's network namespace. */
async function foundIn(node: NodeNamespace, successor: string): Promise<readonly string[]> {
  const search = `{ successor: ${JSON.stringify(successor)}, masqueradeBit: 14, logger: { debug() {}, warn() {} } }`
  const names = '(found) => console.log(JSON.stringify(found.map(({ name }) => name)))'
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
