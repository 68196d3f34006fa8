import { endpointKey, type FrontendKey } from '@portolan/core'
import { changePlacement, drainedPlacement } from './change-placement.ts'
import { changeServer } from './change-server.ts'
import { readDestinationKey } from './element.ts'
import { type Memory, type Outcome, settle } from './memory.ts'
import type { Placement } from './placement.ts'
import { type Step, StepOrder } from './step.ts'
import type { HeldServer } from './transport.ts'
import type { VirtualServer } from './virtual-server.ts'

/** Virtual servers that one check looks at: with more than that, each has to wait for its turn. */
const serversPerCheck = 64

/** Milliseconds between two checks. A connection that was closed counts for two more minutes anyway (TIME_WAIT). */
export const drainCheckMs = 5000

/** What is to be done about destinations that have drained, and what to remember then. */
export interface DrainProgram {
  readonly steps: readonly Step[]
  readonly outcome: Outcome
}

/**
 * Graceful termination (SEMANTICS 14): a destination that left has weight 0, and is deleted when its last connection has
 * ended. The order within the set of those that drain is that of their coming; those that were looked at go to its end.
 *
 * @param read gives a virtual server as it is now
 */
export async function checkDrained(
  family: Outcome['family'],
  memory: Memory,
  read: (place: VirtualServer['place']) => Promise<HeldServer | undefined>,
): Promise<DrainProgram> {
  const order = new StepOrder()
  const placements = new Map<FrontendKey, Placement | undefined>()
  const marked = new Map<number, VirtualServer | undefined>()
  for (const key of [...memory.draining].slice(0, serversPerCheck)) {
    memory.draining.delete(key)
    memory.draining.add(key)
    if (typeof key === 'number') {
      const before = memory.marked.get(key)
      if (before === undefined) continue
      const server = left(before, await read(before.place))
      const after = server.draining.length > 0 || memory.marks.isOwned(key) ? server : undefined
      changeServer(before, after, order)
      marked.set(key, after)
    } else {
      const before = memory.placements.get(key)
      if (before?.server === undefined) continue
      const after = drainedPlacement(before, left(before.server, await read(before.server.place)))
      changePlacement(readDestinationKey(key), before, after, order)
      placements.set(key, after)
    }
  }
  return {
    steps: order.steps,
    outcome: { family, memory, placements, marked, owners: new Map() },
  }
}

export function settleDrained({ outcome }: DrainProgram): void {
  settle(outcome)
}

/** The server without those that have no connection any more. */
function left(server: VirtualServer, held: HeldServer | undefined): VirtualServer {
  const busy = new Set(
    held?.destinations
      .filter(({ connections }) => connections > 0)
      .map(({ endpoint }) => endpointKey(endpoint)),
  )
  return { ...server, draining: server.draining.filter((endpoint) => busy.has(endpointKey(endpoint))) }
}
