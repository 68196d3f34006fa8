import { rmSync } from 'node:fs'
import { constants } from 'node:os'
import type { BpfProgram } from './bpf-object.ts'
import { tryBpfCall } from './library.ts'
import { attachThroughLink, linkedProgram, pinnedLink } from './pinned-link.ts'
import type { Direction } from './traffic-control.ts'

/** enum bpf_attach_type: BPF_TCX_INGRESS and BPF_TCX_EGRESS. */
const tcxHook = { ingress: 46, egress: 47 } as const

/** No interface has this index. */
const noInterface = 0x7fffffff

/** Whether the kernel has tcx (Linux 6.6): an older one doesn't know the hook, and so never looks at the interface. */
export function hasTcx(program: BpfProgram): boolean {
  return (
    tryBpfCall('bpf_link_create', program.fd, noInterface, tcxHook.ingress, null) === -constants.errno.ENODEV
  )
}

/**
 * Attaches a program to an interface of the caller's network namespace, behind those that are there, through a pinned
 * link: no other tool's `tc` or queueing discipline can replace or remove it. Programs of others go on, those of clsact
 * after those of tcx, as long as it answers TC_ACT_UNSPEC.
 *
 * @throws BpfError ENODEV: no such interface
 */
export function attachToTcx(
  program: BpfProgram,
  interfaceIndex: number,
  direction: Direction,
  pin: string,
): void {
  const doing = `attach ${program.name} to interface ${interfaceIndex} (tcx ${direction})`
  const target = { handle: interfaceIndex, id: BigInt(interfaceIndex), hook: tcxHook[direction] }
  attachThroughLink(program, target, pin, doing)
}

/** The number of the program that a pinned link leads to from this interface; `undefined`: none, or from another one. */
export function programAtTcx(interfaceIndex: number, pin: string): number | undefined {
  const link = pinnedLink(pin)
  return link?.target === BigInt(interfaceIndex) ? link.program : undefined
}

/** Whether there was anything to detach. */
export function detachLink(pin: string): boolean {
  const there = linkedProgram(pin) !== undefined
  rmSync(pin, { force: true })
  return there
}
