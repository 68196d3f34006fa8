import type { ApiObject } from '@portolan/api-server'

/** Some writes to the API server that belong together. Each one is an event for whoever watches. */
export interface ClusterChange {
  readonly write?: readonly ApiObject[]
  readonly remove?: readonly ApiObject[]
}

/** How many events of it an `EventTrace` will see applied. */
export function tracedEvents({ write = [], remove = [] }: ClusterChange): number {
  return write.length + remove.filter(({ kind }) => kind !== 'EndpointSlice').length
}
