import { execFileSync } from 'node:child_process'
import { createLab } from '@portolan/lab'
import test from 'ava'

const here = (file: string) => new URL(file, import.meta.url).href

const program = (networkNamespace: string, script: string) => `
  import { execFileSync, spawn } from 'node:child_process'
  import { bpfFileSystem, isBpfFileSystemMounted as mounted } from '@portolan/native/libbpf'
  import { nodeTable } from '${here('./applied-table.ts')}'
  import labDataplane from '${here('./lab-dataplane.ts')}'
  const node = { networkNamespace: ${JSON.stringify(networkNamespace)}, addresses: { IPv4: [], IPv6: [] } }
  const open = () => labDataplane.create({ masqueradeBit: 14, networkNamespace: node.networkNamespace, settings: {} })
  const table = nodeTable(node, 'IPv4', [])
  ${script}`

/** Where no bpf file system is mounted, in a mount namespace of its own. */
function onBareMachine(networkNamespace: string, script: string): string {
  const bare = `while (mounted()) execFileSync('umount', [bpfFileSystem])\n${script}`
  const run = [process.execPath, '--input-type=module', '-e', program(networkNamespace, bare)]
  return execFileSync('unshare', ['--mount', ...run], {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
    timeout: 300_000,
  }).trim()
}

test('who only looks mounts nothing; who applies mounts it, and the last cleanup unmounts it', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const said = onBareMachine(
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

test("nodes of one machine start and are cleaned up at the same time, and none is in the others' way", async (t) => {
  t.timeout(400_000)
  const turns = Number(process.env.PORTOLAN_MOUNT_TURNS ?? 3)
  await using labs = new AsyncDisposableStack()
  const nodes: string[] = []
  for (let count = 0; count < 3; count++)
    nodes.push(labs.use(await createLab({ pods: 1 })).node.networkNamespace)
  const startAndCleanUp = `
    let unmounts = 0
    for (let turn = 0; turn < ${turns}; turn++) {
      const applying = open()
      await applying.apply(applying.reconcile(await applying.observe('IPv4'), table))
      const left = applying.print(applying.reconcile(await applying.observe('IPv4'), table))
      if (left !== '') throw new Error('not all was applied: ' + left)
      await applying.stop()
      if ((await open().cleanup()).removed.includes('mount ' + bpfFileSystem)) unmounts++
    }
    console.log(unmounts)`
  const scripts = JSON.stringify(nodes.map((node) => program(node, startAndCleanUp)))
  const said = onBareMachine(
    nodes[0]!,
    `const children = ${scripts}.map((script) =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'inherit', 'inherit'] }))
    const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.on('exit', resolve))))
    console.log('codes', codes.join(' '), mounted())`,
  )
  const lines = said.split('\n')
  t.is(lines.pop(), 'codes 0 0 0 false')
  t.log(`${3 * turns} starts and cleanups, of which ${lines.map(Number).join(' + ')} unmounted`)
})
