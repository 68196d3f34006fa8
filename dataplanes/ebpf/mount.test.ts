import { execFileSync } from 'node:child_process'
import { createLab } from '@portolan/lab'
import test from 'ava'

const here = (file: string) => new URL(file, import.meta.url).href

/** On a node where nobody has mounted a bpf file system, in a mount namespace of its own. */
function onBareNode(networkNamespace: string, script: string): string {
  const program = `
    import { execFileSync } from 'node:child_process'
    import { bpfFileSystem, isBpfFileSystemMounted as mounted } from '@portolan/native/libbpf'
    import { nodeTable } from '${here('./applied-table.ts')}'
    import labDataplane from '${here('./lab-dataplane.ts')}'
    while (mounted()) execFileSync('umount', [bpfFileSystem])
    const node = { networkNamespace: ${JSON.stringify(networkNamespace)}, addresses: { IPv4: [], IPv6: [] } }
    const open = () => labDataplane({ masqueradeBit: 14, networkNamespace: node.networkNamespace, settings: {} })
    const table = nodeTable(node, 'IPv4', [])
    ${script}`
  return execFileSync('unshare', ['--mount', process.execPath, '--input-type=module', '-e', program], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
    timeout: 60_000,
  }).trim()
}

test('who only looks mounts nothing; who applies mounts it, and the last cleanup unmounts it', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const said = onBareNode(
    lab.node.networkNamespace,
    `
    const looking = open()
    await looking.start()
    looking.print(looking.reconcile(await looking.observe('IPv4'), table))
    await looking.stop()
    console.log('looked', mounted())
    const applying = open()
    await applying.apply(applying.reconcile(await applying.observe('IPv4'), table))
    await applying.stop()
    console.log('applied', mounted())
    const { removed } = await open().cleanup()
    console.log('cleaned up', mounted(), removed.at(-1))
    console.log('again', (await open().cleanup()).removed.length)`,
  )
  t.deepEqual(said.split('\n'), [
    'looked false',
    'applied true',
    'cleaned up false mount /sys/fs/bpf',
    'again 0',
  ])
})
