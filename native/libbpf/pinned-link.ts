import { existsSync, rmSync } from 'node:fs'
import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { type LinkInfo, readLinkInfo } from './info.ts'
import { bpfCall, tryBpfCall } from './library.ts'

/** What a program is attached to. */
export interface LinkTarget {
  /** How it is named to the kernel: a cgroup's descriptor, an interface's index. */
  readonly handle: number
  /** How the kernel names it: a cgroup's number, an interface's index. */
  readonly id: bigint
  /** enum bpf_attach_type */
  readonly hook: number
}

/**
 * Attaches a program through a link that is pinned and so outlives the process. A link to the same target that is pinned
 * there already gets the program instead of the one it has, without a moment in between.
 *
 * @throws BpfError, with `doing` in its message
 */
export function attachThroughLink(
  program: BpfProgram,
  { handle, id, hook }: LinkTarget,
  pin: string,
  doing: string,
): void {
  const held = existsSync(pin) ? tryBpfCall('bpf_obj_get', pin) : -1
  if (held >= 0) {
    try {
      const isThere = readLinkInfo(held)?.target === id
      if (isThere && tryBpfCall('bpf_link_update', held, program.fd, null) >= 0) return
    } finally {
      call('close', 'close a link', held)
    }
    // It leads elsewhere, or is dead: what it was attached to is gone, or it was detached.
  }
  const link = bpfCall('bpf_link_create', doing, program.fd, handle, hook, null)
  try {
    rmSync(pin, { force: true })
    bpfCall('bpf_obj_pin', `pin ${pin}`, link, pin)
  } finally {
    call('close', 'close a link', link)
  }
}

/** What a pinned link leads from and to; `undefined`: no link, or a dead one. */
export function pinnedLink(pin: string): LinkInfo | undefined {
  const link = tryBpfCall('bpf_obj_get', pin)
  if (link < 0) return undefined
  try {
    return readLinkInfo(link)
  } finally {
    call('close', 'close a link', link)
  }
}

/** The number of the program that a pinned link leads to; `undefined`: no link, or a dead one. */
export function linkedProgram(pin: string): number | undefined {
  return pinnedLink(pin)?.program
}
