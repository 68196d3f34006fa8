import { existsSync, rmSync } from 'node:fs'
import { call } from '../libc.ts'
import type { BpfProgram } from './bpf-object.ts'
import { readLinkProgram } from './info.ts'
import { bpfCall, tryBpfCall } from './library.ts'

/**
 * Attaches a program through a link that is pinned and so outlives the process. A link that is pinned there already
 * gets the program instead of the one it has, without a moment in between.
 *
 * @param target what it is attached to: a cgroup's descriptor, an interface's index
 * @param hook of enum bpf_attach_type
 * @throws BpfError, with `doing` in its message
 */
export function attachThroughLink(
  program: BpfProgram,
  target: number,
  hook: number,
  pin: string,
  doing: string,
): void {
  const held = existsSync(pin) ? tryBpfCall('bpf_obj_get', pin) : -1
  if (held >= 0) {
    try {
      const updated = tryBpfCall('bpf_link_update', held, program.fd, null)
      if (updated >= 0) return
    } finally {
      call('close', 'close a link', held)
    }
    // The link is dead: what it was attached to is gone, or somebody has detached it.
  }
  rmSync(pin, { force: true })
  const link = bpfCall('bpf_link_create', doing, program.fd, target, hook, null)
  try {
    bpfCall('bpf_obj_pin', `pin ${pin}`, link, pin)
  } finally {
    call('close', 'close a link', link)
  }
}

/** The number of the program that a pinned link leads to; `undefined`: no link, or a dead one. */
export function linkedProgram(pin: string): number | undefined {
  const link = tryBpfCall('bpf_obj_get', pin)
  if (link < 0) return undefined
  try {
    return readLinkProgram(link)
  } finally {
    call('close', 'close a link', link)
  }
}
