import type { Dataplane, RoutingTable } from '@portolan/core'

/** What a test of a dataplane on the real kernel does without an engine: see {@link bring} and {@link missing}. */

/** Applies what the kernel lacks of a table; the operations that took. */
export async function bring(dataplane: Dataplane, wanted: RoutingTable): Promise<number> {
  const program = dataplane.reconcile(await dataplane.observe(wanted.family), wanted)
  return (await dataplane.apply(program)).operations
}

/** What the kernel lacks of a table, as text. */
export async function missing(dataplane: Dataplane, wanted: RoutingTable): Promise<string> {
  return dataplane.print(dataplane.reconcile(await dataplane.observe(wanted.family), wanted))
}
