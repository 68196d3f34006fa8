import type { SliceEndpoint, SliceRecord } from '../../cluster/records.ts'
import { endpointObject } from './record-object.ts'
import type { EndpointEdit } from './recording-lines.ts'

/** What makes the later endpoints of the earlier ones; `undefined` where more differs than the endpoints. */
export function endpointEdit(before: SliceRecord, after: SliceRecord): EndpointEdit | undefined {
  if (before.serviceKey !== after.serviceKey || before.family !== after.family) return undefined
  if (JSON.stringify(before.ports) !== JSON.stringify(after.ports)) return undefined
  const [old, fresh] = [before.endpoints, after.endpoints]
  const shorter = Math.min(old.length, fresh.length)
  let from = 0
  while (from < shorter && sameEndpoint(old[from], fresh[from])) from++
  let kept = 0
  while (kept < shorter - from && sameEndpoint(old.at(-1 - kept), fresh.at(-1 - kept))) kept++
  return {
    from,
    drop: old.length - from - kept,
    put: fresh.slice(from, fresh.length - kept).map(endpointObject),
  }
}

function sameEndpoint(one: SliceEndpoint | undefined, other: SliceEndpoint | undefined): boolean {
  if (one === undefined || other === undefined) return false
  return (
    one.address === other.address &&
    one.ready === other.ready &&
    one.serving === other.serving &&
    one.terminating === other.terminating &&
    one.nodeName === other.nodeName &&
    sameNames(one.zoneHints, other.zoneHints) &&
    sameNames(one.nodeHints, other.nodeHints)
  )
}

function sameNames(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index])
}
