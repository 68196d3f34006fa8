import type { Dataplane } from '../dataplane/contract.ts'
import type { IpFamily } from '../network/address.ts'
import type { RoutingTable } from '../table/routing-table.ts'

/** The proxy that takes over; `RunningProxy` is one. */
export interface Successor {
  readonly dataplane: Pick<Dataplane, 'name' | 'capabilities' | 'drain'>
  readonly families: readonly IpFamily[]
  readonly firstApplied: Promise<void>
  table(family: IpFamily): RoutingTable | undefined
  verify(): Promise<readonly string[]>
}
