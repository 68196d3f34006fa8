import { execFileSync } from 'node:child_process'
import test from 'ava'

const module = new URL('./file-system.ts', import.meta.url).href

/** In a mount namespace of its own, where nothing is mounted at the place at first. */
function inMountNamespace(script: string): string {
  const program = `
    import { execFileSync } from 'node:child_process'
    import { mkdirSync, readFileSync } from 'node:fs'
    import { bpfFileSystem, mountBpfFileSystem, unmountBpfFileSystem } from '${module}'
    const mounted = () => readFileSync('/proc/self/mounts', 'utf8').includes(' ' + bpfFileSystem + ' bpf ')
    while (mounted()) execFileSync('umount', [bpfFileSystem])
    ${script}`
  return execFileSync('unshare', ['--mount', process.execPath, '--input-type=module', '-e', program], {
    encoding: 'utf8',
  }).trim()
}

for (const [claim, script, said] of [
  [
    'what nobody has mounted is mounted, and unmounted again',
    'mountBpfFileSystem(); console.log(mounted(), unmountBpfFileSystem(), mounted())',
    'true true false',
  ],
  [
    'what somebody else has mounted stays',
    "execFileSync('mount', ['-t', 'bpf', 'bpf', bpfFileSystem]); mountBpfFileSystem(); console.log(unmountBpfFileSystem(), mounted())",
    'false true',
  ],
  [
    'where something is left it stays mounted',
    "mountBpfFileSystem(); mkdirSync(bpfFileSystem + '/someone'); console.log(unmountBpfFileSystem(), mounted())",
    'false true',
  ],
] as const) {
  test(`of the bpf file system: ${claim}`, (t) => {
    t.is(inMountNamespace(script), said)
  })
}
