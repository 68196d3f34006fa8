import { existsSync } from 'node:fs'
import { listInterfaces } from '@portolan/native'
import {
  attachedProgram,
  attachToInterface,
  attachToTcx,
  type BpfObject,
  type BpfProgram,
  type Direction,
  detachFromInterface,
  detachLink,
  hasDirection,
  hasTcx,
  makePinDirectory,
  programAtTcx,
  removeUnusedHook,
} from '@portolan/native/libbpf'
import { packetPrograms } from '../layout/programs.ts'
import type { EbpfSettings } from '../layout/settings.ts'
import { forgetQdiscs, interfaceLinks, qdiscMark, tcxPin } from './pins.ts'

/** A way to have a program run for an interface's packets. To be used in the node's network namespace. */
export interface PacketHook {
  readonly name: 'tcx' | 'clsact'
  /** Whether an interface has a place for programs of this direction. */
  serves(interfaceIndex: number, direction: Direction): boolean
  /** One that is there is replaced without a gap. @throws BpfError ENODEV: no such interface */
  attach(program: BpfProgram, interfaceIndex: number, direction: Direction): void
  /** The number of our program there. */
  attached(interfaceIndex: number, direction: Direction): number | undefined
  /** Whether there was one. Drops no packet. */
  detach(interfaceIndex: number, direction: Direction): boolean
  /** Takes away what {@link attach} made at an interface for programs to hang from, where nobody else's do. */
  leave(interfaceIndex: number): void
  /** Interfaces that it may still hold something for besides these; those may be gone by now. */
  others(interfaces: readonly number[]): readonly number[]
}

/** Which filter at an interface's clsact hooks is ours. */
export const place = { priority: 0x706f, handle: 1 } as const

/** From Linux 6.6: links, which only their owner takes away. */
export function tcx(directory: string): PacketHook {
  return {
    name: 'tcx',
    serves: () => true,
    attach: (program, index, direction) =>
      attachToTcx(program, index, direction, tcxPin(directory, index, direction)),
    attached: (index, direction) => programAtTcx(index, tcxPin(directory, index, direction)),
    detach: (index, direction) => detachLink(tcxPin(directory, index, direction)),
    leave: () => {},
    others: (interfaces) => interfaceLinks(directory).filter((index) => !interfaces.includes(index)),
  }
}

/**
 * Filters, which go with their interface, and which others' tools may remove. The qdisc that holds them has no room for a
 * name, so that it was made here is remembered beside the pins: a foreign one stays, also when it is empty.
 *
 * Adding or deleting that qdisc costs packets: the kernel (`qdisc_graft`, seen on Linux 6.18) takes an interface that is up
 * out of use meanwhile, so that for some 0.3 ms what goes out of it is dropped. So it's left, empty, until a clean-up.
 */
export function clsact(directory: string): PacketHook {
  return {
    name: 'clsact',
    serves: hasDirection,
    attach(program, index, direction) {
      if (attachToInterface(program, index, direction, place)) makePinDirectory(qdiscMark(directory, index))
    },
    attached: (index, direction) => attachedProgram(index, direction, place),
    detach: (index, direction) => detachFromInterface(index, direction, place),
    leave(index) {
      if (existsSync(qdiscMark(directory, index))) removeUnusedHook(index)
    },
    others(interfaces) {
      const all = listInterfaces().map(({ index }) => index)
      forgetQdiscs(directory, all)
      return all.filter((index) => !interfaces.includes(index))
    },
  }
}

/** The one to use, and the one that an earlier version or setting may have used. */
export function packetHooks(
  object: BpfObject,
  { packetHook }: EbpfSettings,
  directory: string,
): { readonly used: PacketHook; readonly other: PacketHook } {
  const [links, filters] = [tcx(directory), clsact(directory)]
  const wanted =
    packetHook === 'auto' ? (hasTcx(object.program(packetPrograms.ingress)) ? 'tcx' : 'clsact') : packetHook
  return wanted === 'tcx' ? { used: links, other: filters } : { used: filters, other: links }
}
