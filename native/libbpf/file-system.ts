import { readFileSync } from 'node:fs'
import { call } from '../libc.ts'

/** Where eBPF maps and links are pinned, so that they outlive their process. */
export const bpfFileSystem = '/sys/fs/bpf'

/** Mounts the file system if nobody has. @throws SystemCallError EPERM: needs CAP_SYS_ADMIN; ENOENT: no eBPF in the kernel */
export function mountBpfFileSystem(mounts: string = readFileSync('/proc/self/mounts', 'utf8')): void {
  if (mounts.includes(` ${bpfFileSystem} bpf `)) return
  const rootOnly = 'mode=0700'
  call('mount', `mount the bpf file system at ${bpfFileSystem}`, 'bpf', bpfFileSystem, 'bpf', 0, rootOnly)
}
