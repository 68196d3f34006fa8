import type { Address, ApplyResult, Dataplane, IpFamily, RoutingTable, ServiceRoute } from '@portolan/core'
import type { Host } from '@portolan/lab'
import type { EbpfProgram } from '../compile/program.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { table } from './example-tables.ts'
import labDataplane from './lab-dataplane.ts'

/** A dataplane with a table in place, for this package's tests. */
export interface Applied {
  readonly dataplane: Dataplane<EbpfProgram, ObservedState>
  readonly report: ApplyResult
  /** What the operator was told. */
  readonly notices: readonly string[]
  /** Puts another table of the same family in place. */
  change(wanted: RoutingTable): Promise<ApplyResult>
  [Symbol.asyncDispose](): Promise<void>
}

/** On a lab's node. */
export async function applied(
  node: Host,
  wanted: RoutingTable,
  settings: Readonly<Record<string, string>> = {},
): Promise<Applied> {
  const { networkNamespace } = node
  const notices: string[] = []
  const onNotice = (notice: string) => notices.push(notice)
  const dataplane = labDataplane.create({ masqueradeBit: 14, networkNamespace, settings, onNotice })
  await dataplane.start()
  const change = async (table: RoutingTable) =>
    dataplane.apply(dataplane.reconcile(await dataplane.observe(table.family), table))
  const report = await change(wanted)
  const cleanup = async () => {
    await dataplane.cleanup()
  }
  return { dataplane, report, notices, change, [Symbol.asyncDispose]: cleanup }
}

/** A table for a lab's node: all of its addresses are its own, and NodePorts answer at its uplink. */
export function nodeTable(
  { addresses }: Host,
  family: IpFamily,
  routes: readonly ServiceRoute[],
  more: Partial<RoutingTable> = {},
): RoutingTable {
  const own = addresses[family] as Address[]
  return {
    ...table(routes),
    family,
    podSource: { by: 'none' },
    localAddresses: new Set(own),
    nodePortAddresses: new Set(own.slice(0, 1)),
    ...more,
  }
}
