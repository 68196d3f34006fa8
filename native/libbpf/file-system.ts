import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { type DirectoryLock, lockDirectory } from '../directory-lock.ts'
import { call, tryCall } from '../libc.ts'

/** Where eBPF maps and links are pinned, so that they outlive their process. */
export const bpfFileSystem = '/sys/fs/bpf'

/** What the file system is mounted as when it is by us: the name that `mount` shows first. */
const ourMark = 'portolan'

/** What the kernel itself puts into a new one (CONFIG_BPF_PRELOAD). */
const ofKernel = ['maps.debug', 'progs.debug']

const detach = 2

/**
 * Locks the file system's place, so that no other process of ours mounts, unmounts, pins or unpins meanwhile: all of that
 * looks first and acts then. Locked is the root of what is mounted there, which containers share if they share the pins.
 *
 * @param needed true: mounts the file system if it is not mounted
 * @throws LockTimeoutError naming who holds the lock
 * @throws SystemCallError EPERM: mounting needs CAP_SYS_ADMIN
 * @throws what `open` does, ENOENT: no eBPF in the kernel
 */
export async function lockBpfFileSystem(
  needed: boolean,
  readMounts: () => string = ownMounts,
): Promise<DirectoryLock> {
  for (;;) {
    const lock = await lockDirectory(bpfFileSystem)
    if (!needed || isBpfFileSystemMounted(readMounts())) return lock
    // What is locked is the place that gets covered. Who waits for it notices, and so do we in the next turn.
    try {
      const rootOnly = 'mode=0700'
      call(
        'mount',
        `mount the bpf file system at ${bpfFileSystem}`,
        ourMark,
        bpfFileSystem,
        'bpf',
        0,
        rootOnly,
      )
    } finally {
      lock.release()
    }
  }
}

export function isBpfFileSystemMounted(mounts: string = ownMounts()): boolean {
  return mounts.includes(` ${bpfFileSystem} bpf `)
}

/**
 * Unmounts the file system if it is ours and nothing is pinned there. Its place has to be locked, and with it goes the
 * lock: a process that waits for it goes on with what is there then.
 *
 * @returns whether it was
 */
export function unmountBpfFileSystem(mounts: string = ownMounts()): boolean {
  const ours = mounts.split('\n').some((line) => line.startsWith(`${ourMark} ${bpfFileSystem} bpf `))
  if (!ours || readdirSync(bpfFileSystem).some((name) => !ofKernel.includes(name))) return false
  // The lock itself keeps it busy.
  return tryCall('umount2', bpfFileSystem, detach) === 0
}

/**
 * Makes a directory for pins, with those above it. One by one: where the file system is unmounted meanwhile, mkdir(2)
 * says of the directory that there is none above it, and of the one above that it exists; Node's recursive mkdir tries
 * the two in turns for ever.
 *
 * @throws what `mkdir` does, ENOENT: one above was removed meanwhile
 */
export function makePinDirectory(path: string): void {
  if (!path.startsWith(`${bpfFileSystem}/`)) throw new RangeError(`${path} is not in ${bpfFileSystem}`)
  let directory = bpfFileSystem
  for (const name of path
    .slice(bpfFileSystem.length + 1)
    .split('/')
    .filter((part) => part !== '')) {
    directory += `/${name}`
    try {
      mkdirSync(directory, { mode: 0o700 })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

/** Those that this thread sees. */
function ownMounts(): string {
  return readFileSync('/proc/thread-self/mounts', 'utf8')
}
