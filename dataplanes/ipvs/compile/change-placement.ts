import type { Destination } from '../layout/element.ts'
import { destinationSets, markSets, type SetName } from '../layout/sets.ts'
import type { VirtualServer } from '../layout/virtual-server.ts'
import { changeServer, settledServer } from './change-server.ts'
import type { Placement } from './placement.ts'
import type { StepOrder } from './step.ts'

/**
 * What becomes of a destination: what is wanted there, with what still drains. A virtual server that is not wanted any
 * more stays while it drains; new connections are not led to it, because its destination is not in `SERVED`.
 */
export function settledPlacement(
  before: Placement | undefined,
  wanted: Placement | undefined,
  drains: boolean,
): Placement | undefined {
  const server = settledServer(before?.server, wanted?.server, drains)
  if (wanted === undefined && server === undefined) return undefined
  const { sets, marks, sources } = wanted ?? nothing
  if (server === undefined) return { sets, marks, sources }
  return { server, sets, marks, sources }
}

const nothing: Placement = { sets: new Set(), marks: new Map(), sources: [] }

/**
 * What becomes of a placement once some destinations have drained; `undefined`: nothing is left. A virtual server that
 * only drained goes with its last one.
 */
export function drainedPlacement(before: Placement, server: VirtualServer): Placement | undefined {
  const { sets, marks, sources } = before
  if (server.draining.length > 0 || isWanted(before)) return { ...before, server }
  return sets.size + marks.size + sources.length === 0 ? undefined : { sets, marks, sources }
}

/** Whether new connections go to its virtual server, rather than that it only drains. */
export function isWanted({ sets }: Placement): boolean {
  return sets.has('SERVED')
}

/** Adds what leads from one placement to the other; `undefined`: there is nothing. */
export function changePlacement(
  destination: Destination,
  before: Placement | undefined,
  after: Placement | undefined,
  order: StepOrder,
): void {
  changeServer(before?.server, after?.server, order)
  changeSources(destination, before, after, order)
  changeMarks(destination, before, after, order)
  const element = { destination }
  for (const set of destinationSets) {
    const [was, is] = [before?.sets.has(set) === true, after?.sets.has(set) === true]
    if (!was && is) order[opens(set) ? 'open' : 'close'].push({ do: 'add-element', set, element })
  }
  for (const set of destinationSets) {
    const [was, is] = [before?.sets.has(set) === true, after?.sets.has(set) === true]
    if (was && !is) order[keepsOut(set) ? 'open' : 'leave'].push({ do: 'delete-element', set, element })
  }
}

function opens(set: SetName): boolean {
  return set === 'SERVED'
}

/** What has to go once a destination is served; until then its rule rejects. */
function keepsOut(set: SetName): boolean {
  return set === 'REFUSED'
}

/** Ranges come before the restriction to them, and go after it. */
function changeSources(
  destination: Destination,
  before: Placement | undefined,
  after: Placement | undefined,
  order: StepOrder,
): void {
  if (before?.sources === after?.sources) return
  const [was, is] = [new Set(before?.sources), new Set(after?.sources)]
  for (const source of is)
    if (!was.has(source))
      order.close.push({ do: 'add-element', set: 'SOURCES', element: { destination, source } })
  for (const source of was)
    if (!is.has(source))
      order.shrink.push({ do: 'delete-element', set: 'SOURCES', element: { destination, source } })
}

function changeMarks(
  destination: Destination,
  before: Placement | undefined,
  after: Placement | undefined,
  order: StepOrder,
): void {
  for (const set of markSets) {
    const [was, is] = [before?.marks.get(set), after?.marks.get(set)]
    if (was === is) continue
    const old = was === undefined ? undefined : { destination, mark: was }
    if (is !== undefined) {
      const element = { destination, mark: is }
      order.open.push({
        do: 'add-element',
        set,
        element,
        ...(old === undefined ? {} : { before: old }),
      })
    } else if (old !== undefined) {
      order.leave.push({ do: 'delete-element', set, element: old })
    }
  }
}
