import type { FrontendKey, IpFamily } from '@portolan/core'
import type { VirtualServer } from '../layout/virtual-server.ts'
import { type MarkBits, type MarkChange, MarkNumbers } from './mark-numbers.ts'
import type { Placement } from './placement.ts'

/** What the kernel has of a family, as the last applied program left it. */
export interface Memory {
  readonly placements: Map<FrontendKey, Placement>
  /** Virtual servers by mark. */
  readonly marked: Map<number, VirtualServer>
  /** Where something drains: keys of placements, and marks. */
  readonly draining: Set<FrontendKey | number>
  readonly marks: MarkNumbers
}

export function emptyMemory(bits: MarkBits): Memory {
  return { placements: new Map(), marked: new Map(), draining: new Set(), marks: new MarkNumbers(bits) }
}

/** What an applied program makes of the memory; `undefined` in a map: it is gone. */
export interface Outcome {
  readonly family: IpFamily
  /** Holds what the kernel was found with; for a program by `compile` the present one. */
  readonly memory: Memory
  readonly placements: ReadonlyMap<FrontendKey, Placement | undefined>
  readonly marked: ReadonlyMap<number, VirtualServer | undefined>
  readonly owners: MarkChange
}

/** Remembers an applied program's outcome; returns the memory that holds from now on. */
export function settle({ memory, placements, marked, owners }: Outcome): Memory {
  for (const [key, placement] of placements) {
    if (placement === undefined) memory.placements.delete(key)
    else memory.placements.set(key, placement)
    note(memory, key, placement?.server)
  }
  memory.marks.commit(owners)
  for (const [mark, server] of marked) {
    if (server === undefined) {
      memory.marked.delete(mark)
      memory.marks.release(mark)
    } else {
      memory.marked.set(mark, server)
      memory.marks.reserve(mark)
    }
    note(memory, mark, server)
  }
  return memory
}

function note(memory: Memory, key: FrontendKey | number, server: VirtualServer | undefined): void {
  if (server === undefined || server.draining.length === 0) memory.draining.delete(key)
  else memory.draining.add(key)
}
