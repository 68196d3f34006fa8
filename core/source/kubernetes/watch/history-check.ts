import type { ClusterRecord } from '../../../cluster/records.ts'
import { backoff } from '../../../time/backoff.ts'
import { type Clock, pause } from '../../../time/clock.ts'
import { ApiError } from '../connection/api-error.ts'
import type { ChildAbort } from '../connection/child-abort.ts'
import type { ApiResponse } from '../connection/connection.ts'
import { identityOf, member, resourceVersionOf } from '../requests/api-object.ts'
import { type Resource, versionPath } from '../requests/resource.ts'
import { isOlder } from '../requests/resource-version.ts'
import type { Timings } from '../timings.ts'
import type { Delivery } from './delivery.ts'

/** The object of the last event since a list. */
export interface LastEvent {
  readonly object: unknown
  readonly deleted: boolean
}

export interface HistoryCheck<R extends ClusterRecord> {
  readonly resource: Resource<R>
  /** For messages: `cannot watch services`. */
  readonly what: string
  readonly delivery: Delivery<R>
  readonly clock: Clock
  /** Numbers in [0, 1), like `Math.random`. */
  readonly random: () => number
  readonly timings: Timings
  readonly get: (path: string) => Promise<ApiResponse>
  readonly read: (response: ApiResponse) => Promise<object>
  /** As it is at each attempt. */
  readonly last: () => LastEvent | undefined
}

/** How long a resumed watch may take to tell of a deletion that a list has shown already. */
const deletionTimeoutMs = 500

/**
 * Ends a resumed watch whose server has an older history than ours, as after restoring a backup of etcd. It would keep a
 * watch from a version of its future quiet until it gets there, so its present version is asked for; also over the same
 * connection, behind which a proxy may have changed servers. It may have come further since; so the object of the last
 * event is asked for, whose version can't go back either. Where that fails, the next bookmark may show it, within a
 * minute.
 *
 * @param from the version that the watch goes on from
 */
export async function checkHistory<R extends ClusterRecord>(
  from: string,
  attempt: ChildAbort,
  { resource, what, delivery, clock, random, timings, get, read, last: lastEvent }: HistoryCheck<R>,
): Promise<void> {
  for (let failures = 1; !attempt.signal.aborted; failures++) {
    const last = lastEvent()
    const known = last === undefined ? undefined : identityOf(last.object)
    try {
      const list = await read(await get(versionPath(resource, known?.key)))
      const version = resourceVersionOf(list)
      if (isOlder(version, from)) return attempt.abort(wentBack(what, from, version))
      if (last === undefined || known === undefined) return
      const [object] = (member(list, 'items') ?? []) as Iterable<unknown>
      const found = resourceVersionOf(object)
      if (isOlder(found, known.resourceVersion))
        return attempt.abort(wentBack(what, known.resourceVersion, found, known.key))
      if (found !== '' || last.deleted) return
      // It may have been deleted meanwhile; then the watch says so.
      await pause(clock, deletionTimeoutMs, attempt.signal)
      if (delivery.holds(known)) attempt.abort(wentBack(what, known.resourceVersion, 'nothing', known.key))
      return
    } catch {
      await pause(clock, backoff(failures, timings, random), attempt.signal)
    }
  }
}

/**
 * @param what for the message: `cannot list services`
 * @param key of an object; absent: the version is the server's own
 */
export function wentBack(what: string, from: string, to: string, key?: string): ApiError {
  const whose = key === undefined ? "the server's resourceVersion" : `the resourceVersion of ${key}`
  return new ApiError(
    'API_VERSION_WENT_BACK',
    `${what}: ${whose} went from ${from} back to ${to}, as after restoring a backup of etcd: listing again`,
  )
}
