import { readdirSync, readFileSync } from 'node:fs'
import { call, tryCall } from '../libc.ts'

/** Where eBPF maps and links are pinned, so that they outlive their process. */
export const bpfFileSystem = '/sys/fs/bpf'

/** What the file system is mounted as when it is by us: the name that `mount` shows first. */
const ourMark = 'portolan'

/** What the kernel itself puts into a new one (CONFIG_BPF_PRELOAD). */
const ofKernel = ['maps.debug', 'progs.debug']

/** Mounts the file system if nobody has. @throws SystemCallError EPERM: needs CAP_SYS_ADMIN; ENOENT: no eBPF in the kernel */
export function mountBpfFileSystem(mounts: string = readMounts()): void {
  if (isBpfFileSystemMounted(mounts)) return
  const rootOnly = 'mode=0700'
  call('mount', `mount the bpf file system at ${bpfFileSystem}`, ourMark, bpfFileSystem, 'bpf', 0, rootOnly)
}

export function isBpfFileSystemMounted(mounts: string = readMounts()): boolean {
  return mounts.includes(` ${bpfFileSystem} bpf `)
}

/** Unmounts the file system if it is ours and nothing is pinned there. @returns whether it was */
export function unmountBpfFileSystem(mounts: string = readMounts()): boolean {
  const ours = mounts.split('\n').some((line) => line.startsWith(`${ourMark} ${bpfFileSystem} bpf `))
  if (!ours || readdirSync(bpfFileSystem).some((name) => !ofKernel.includes(name))) return false
  return tryCall('umount2', bpfFileSystem, 0) === 0
}

function readMounts(): string {
  return readFileSync('/proc/self/mounts', 'utf8')
}
