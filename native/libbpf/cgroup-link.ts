import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { attachThroughLink } from './pinned-link.ts'

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
 * Attaches a program to a cgroup, for all sockets below it, through a pinned link. Programs of others on the same hook
 * keep running.
 *
 * @throws BpfError EPERM: needs CAP_BPF and CAP_NET_ADMIN; EBADF: the path is no cgroup of version 2
 */
export function attachToCgroup(program: BpfProgram, cgroup: string, hook: CgroupHook, pin: string): void {
  const directory = call('open', `open the cgroup ${cgroup}`, cgroup, readOnlyCloseOnExec)
  try {
    attachThroughLink(program, directory, cgroupHook[hook], pin, `attach ${program.name} to ${cgroup}`)
  } finally {
    call('close', 'close a cgroup', directory)
  }
}
