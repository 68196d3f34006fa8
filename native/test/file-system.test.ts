import { execFileSync, spawn } from 'node:child_process'
import test from 'ava'

const module = new URL('../libbpf/file-system.ts', import.meta.url).href

/** In a mount namespace of its own, where nothing is mounted at the place at first. */
const program = (script: string) => `
  import { execFileSync, spawn } from 'node:child_process'
  import { existsSync, mkdirSync, readFileSync, rmdirSync, statfsSync } from 'node:fs'
  import { bpfFileSystem, isBpfFileSystemMounted, lockBpfFileSystem, makePinDirectory, unmountBpfFileSystem } from '${module}'
  const mounted = () => isBpfFileSystemMounted()
  const mounts = () => readFileSync('/proc/self/mounts', 'utf8').split('\\n').filter((line) => line.includes(' ' + bpfFileSystem + ' ')).length
  const mount = async () => (await lockBpfFileSystem(true)).release()
  const unmount = async () => {
    const lock = await lockBpfFileSystem(false)
    try {
      return unmountBpfFileSystem()
    } finally {
      lock.release()
    }
  }
  ${script}`

const start = (script: string) => [
  '--mount',
  process.execPath,
  '--input-type=module',
  '-e',
  program(`while (mounted()) execFileSync('umount', [bpfFileSystem])\n${script}`),
]

function inMountNamespace(script: string): string {
  return execFileSync('unshare', start(script), { encoding: 'utf8', timeout: 300_000 }).trim()
}

for (const [claim, script, said] of [
  [
    'a missing mount is mounted, and unmounted again',
    'await mount(); console.log(mounted(), await unmount(), mounted())',
    'true true false',
  ],
  [
    'what another process has mounted stays',
    "execFileSync('mount', ['-t', 'bpf', 'bpf', bpfFileSystem]); await mount(); console.log(await unmount(), mounted())",
    'false true',
  ],
  [
    'where something is left it stays mounted',
    "await mount(); mkdirSync(bpfFileSystem + '/someone'); console.log(await unmount(), mounted())",
    'false true',
  ],
  [
    'a directory in it is made with those above it, and may be there',
    "await mount(); for (const _ of [1, 2]) makePinDirectory(bpfFileSystem + '/a/b/c/'); console.log(existsSync(bpfFileSystem + '/a/b/c'))",
    'true',
  ],
  [
    'where it is not mounted, making a directory ends, and fails',
    "try { makePinDirectory(bpfFileSystem + '/a/b') } catch (error) { console.log(error.syscall) }",
    'mkdir',
  ],
  [
    'many that mount it at once mount it once',
    'await Promise.all(Array.from({ length: 20 }, mount)); console.log(mounts())',
    '1',
  ],
] as const) {
  test(`of the bpf file system: ${claim}`, (t) => {
    t.is(inMountNamespace(script), said)
  })
}

test('processes that mount, pin, unpin and unmount at the same time never find it gone from under them', async (t) => {
  const bpfMagic = 0xcafe4a11
  const user = `
    let unmounts = 0
    for (let turn = 0; turn < 200; turn++) {
      const lock = await lockBpfFileSystem(true)
      const directory = bpfFileSystem + '/portolan/' + process.pid
      makePinDirectory(directory)
      if (statfsSync(directory).type !== ${bpfMagic}) throw new Error('not in the bpf file system')
      rmdirSync(directory)
      try { rmdirSync(bpfFileSystem + '/portolan') } catch {}
      if (turn % 3 === 0 && unmountBpfFileSystem()) unmounts++
      lock.release()
    }
    console.log(unmounts)`
  // The first one makes the namespace and starts the others in it.
  const all = `
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(program(user))}], { stdio: ['ignore', 'inherit', 'inherit'] }))
    const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.on('exit', resolve))))
    console.log('codes', codes.join(' '), mounts() <= 1)`
  const child = spawn('unshare', start(all), { stdio: ['ignore', 'pipe', 'inherit'], timeout: 300_000 })
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  const lines = output.trim().split('\n')
  t.is(lines.pop(), 'codes 0 0 0 0 true')
  const unmounts = lines.reduce((sum, line) => sum + Number(line), 0)
  t.log(`${unmounts} times unmounted, under four processes that used it 800 times`)
  t.true(unmounts > 100)
})
