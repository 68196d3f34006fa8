import type { ApiObject, ApiServer } from '@portolan/api-server'
import { monotonic } from '../measure/clock.ts'
import type { Written } from './api-server.ts'

/** Some writes to the API server that belong together. Each one is an event for each watcher. */
export interface ClusterChange {
  readonly write?: readonly ApiObject[]
  readonly remove?: readonly ApiObject[]
}

/**
 * Makes the change, and tells how many of its events an `EventTrace` will see. What isn't there to be removed is no
 * event, and a slice that goes is none that is traced.
 */
export function writeChange(
  server: Pick<ApiServer, 'apply' | 'remove'>,
  { write = [], remove = [] }: ClusterChange,
): Written {
  const sentAt = monotonic()
  for (const object of write) server.apply(object)
  let events = write.length
  for (const { kind, metadata } of remove) {
    const removed = server.remove(kind, metadata.namespace, metadata.name)
    if (removed !== undefined && kind !== 'EndpointSlice') events += 1
  }
  return { sentAt, events }
}
