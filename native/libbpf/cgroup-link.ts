import { existsSync, rmSync } from 'node:fs'
import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { readLinkProgram, readProgramTagOf } from './info.ts'
import { bpfCall, tryBpfCall } from './library.ts'

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
 * Attaches a program to a cgroup, for all sockets below it, through a link that is pinned and so outlives the process.
 * A link that is pinned there already gets the program instead of the one it has, without a moment in between.
 * Programs of others on the same hook keep running.
 *
 * @throws BpfError EPERM: needs CAP_BPF and CAP_NET_ADMIN; EBADF: the path is no cgroup of version 2
 */
export function attachToCgroup(program: BpfProgram, cgroup: string, hook: CgroupHook, pin: string): void {
  const held = existsSync(pin) ? tryBpfCall('bpf_obj_get', pin) : -1
  if (held >= 0) {
    try {
      const updated = tryBpfCall('bpf_link_update', held, program.fd, null)
      if (updated >= 0) return
    } finally {
      call('close', 'close a link', held)
    }
    // The link is dead: its cgroup is gone.
  }
  rmSync(pin, { force: true })
  const directory = call('open', `open the cgroup ${cgroup}`, cgroup, readOnlyCloseOnExec)
  try {
    const doing = `attach ${program.name} to ${cgroup}`
    const link = bpfCall('bpf_link_create', doing, program.fd, directory, cgroupHook[hook], null)
    try {
      bpfCall('bpf_obj_pin', `pin ${pin}`, link, pin)
    } finally {
      call('close', 'close a link', link)
    }
  } finally {
    call('close', 'close a cgroup', directory)
  }
}

/** The tag of the program that a pinned link leads to; `undefined`: no link, or a dead one. */
export function linkedProgramTag(pin: string): string | undefined {
  if (!existsSync(pin)) return undefined
  const link = tryBpfCall('bpf_obj_get', pin)
  if (link < 0) return undefined
  try {
    return readProgramTagOf(readLinkProgram(link))
  } finally {
    call('close', 'close a link', link)
  }
}
