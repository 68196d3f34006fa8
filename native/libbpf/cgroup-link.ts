import { statSync } from 'node:fs'
import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { attachThroughLink, pinnedLink } from './pinned-link.ts'

const readOnlyCloseOnExec = 0o2000000

/** Hooks of a cgroup's sockets (enum bpf_attach_type). */
export const cgroupHook = {
  connect4: 10,
  connect6: 11,
  sendmsg4: 14,
  sendmsg6: 15,
  recvmsg4: 19,
  recvmsg6: 20,
  getpeername4: 29,
  getpeername6: 30,
  sock_release: 34,
} as const

export type CgroupHook = keyof typeof cgroupHook

/**
 * Attaches a program to a cgroup, for all sockets below it, through a pinned link; one to another cgroup that is pinned
 * there goes. Programs of others on the same hook keep running.
 *
 * @throws BpfError EPERM: needs CAP_BPF and CAP_NET_ADMIN; EBADF: the path is no cgroup of version 2
 */
export function attachToCgroup(program: BpfProgram, cgroup: string, hook: CgroupHook, pin: string): void {
  const directory = call('open', `open the cgroup ${cgroup}`, cgroup, readOnlyCloseOnExec)
  try {
    const target = { handle: directory, id: cgroupNumber(cgroup), hook: cgroupHook[hook] }
    attachThroughLink(program, target, pin, `attach ${program.name} to ${cgroup}`)
  } finally {
    call('close', 'close a cgroup', directory)
  }
}

/** The number of the program that a pinned link leads to from this cgroup; `undefined`: none, or from another one. */
export function programAtCgroup(cgroup: string, pin: string): number | undefined {
  const link = pinnedLink(pin)
  return link !== undefined && link.target === cgroupNumber(cgroup) ? link.program : undefined
}

/** What the kernel calls a cgroup by: its directory's inode. 0n: there is none. */
function cgroupNumber(path: string): bigint {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n
}
