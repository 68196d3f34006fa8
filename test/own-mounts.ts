import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { call } from '../native/libc.ts'

const newMountNamespace = 0x20000
const recursive = 0x4000
const asPrivate = 1 << 18
const detach = 2

const bpfFileSystem = '/sys/fs/bpf'
/** Where `ip netns` keeps network namespaces, as mounts. */
const namespaces = '/run/netns'

/**
 * Gives this process, with all that it starts, a mount namespace with a bpf file system of its own: what a test file pins
 * there is used by no other process, and goes with its last process. Its mount isn't marked as Portolan's, so a cleanup on
 * one of the file's nodes leaves it to the others; what mounts and unmounts is tested in namespaces where there is none.
 * To be called on the main thread before other threads are started; threads that Node already has keep the namespace of
 * before, and see the same but for `/sys`.
 *
 * Without root nothing is done, for then nothing can be mounted either.
 */
export function takeOwnMounts(): void {
  if (process.getuid?.() !== 0) return
  shareNetworkNamespaces()
  call('unshare', 'make a mount namespace', newMountNamespace)
  // Elsewhere mounts go on being shared, if they were.
  call(
    'mount',
    'keep what is mounted below /sys in this process',
    'none',
    '/sys',
    null,
    recursive | asPrivate,
    null,
  )
  while (mounts().includes(` ${bpfFileSystem} bpf `))
    call('umount2', `unmount ${bpfFileSystem}`, bpfFileSystem, detach)
  if (existsSync(bpfFileSystem))
    call('mount', 'mount a bpf file system', 'bpf', bpfFileSystem, 'bpf', 0, 'mode=0700')
}

/** As `ip netns add` does with the first one: those of one lab must be seen by the process that sweeps up after it. */
function shareNetworkNamespaces(): void {
  const isShared = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.includes(` ${namespaces} `) && / shared:\d+ /.test(line))
  if (isShared) return
  const name = `pl-${process.pid}-0-first`
  for (const verb of ['add', 'delete']) execFileSync('ip', ['netns', verb, name])
}

function mounts(): string {
  return readFileSync('/proc/self/mounts', 'utf8')
}
