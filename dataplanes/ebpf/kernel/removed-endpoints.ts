import type { ServiceRoute } from '@portolan/core'
import type { EbpfProgram } from '../compile/program.ts'
import { hasMembers, memberKey } from '../layout/encode.ts'
import { type Bytes, bytesOf } from '../layout/observed-state.ts'
import type { PlannedRoute } from './route-writer.ts'

/** Endpoints that an applied program has taken from Services whose clients are kept with theirs, as keys of `members`. */
export function removedEndpoints(program: EbpfProgram, routes: readonly PlannedRoute[]): Bytes[] {
  const removed: Bytes[] = []
  for (const { map, key, value } of program.elements)
    if (map === 'members' && value === undefined) removed.push(bytesOf(key))
  for (const {
    step: { before, after },
    old,
  } of routes) {
    if (before === undefined || old === undefined || before.endpoints === after?.endpoints) continue
    if (!hasMembers(before)) continue
    const staying = new Set(after === undefined ? [] : keysOf(after, old.service))
    for (const key of keysOf(before, old.service)) if (!staying.has(key)) removed.push(key)
  }
  return removed
}

/** Over which of the two lists an endpoint is chosen means nothing here. */
function keysOf({ endpoints: { cluster, local } }: ServiceRoute, service: number): Bytes[] {
  return [...cluster, ...local].map((endpoint) => bytesOf(memberKey(service, 'cluster', endpoint)))
}
