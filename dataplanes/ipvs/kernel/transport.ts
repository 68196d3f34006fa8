import type { IpFamily } from '@portolan/core'
import type { DestinationStep, Step } from '../compile/step.ts'
import type { SetElement } from '../layout/element.ts'
import type { SetName } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import type { ObservedServer, ServerKey, ServerPlace, VirtualServer } from '../layout/virtual-server.ts'

export interface Applied {
  /** Bytes sent. */
  readonly bytes: number
  readonly unusable: readonly DestinationStep[]
}

/** How virtual servers, sets, the route for marked packets and sysctls are reached; iptables is a program either way. */
export interface Transport {
  readonly name: IpvsSettings['transport']

  /**
   * Does the steps in their order; one that fails ends it, and those before it are taken back. Destinations at an
   * address that the kernel doesn't take are left out.
   *
   * @throws ApplyError
   */
  apply(family: IpFamily, steps: readonly Step[]): Promise<Applied>

  readServers(family: IpFamily): Promise<VirtualServer[]>
  /** The sets of ours that are there, with their elements. */
  readSets(family: IpFamily): Promise<Map<SetName, SetElement['element'][]>>
  createSet(family: IpFamily, set: SetName): Promise<void>
  /** Destroys our sets of a family; no rule may use them any more. @returns how many there were */
  destroySets(family: IpFamily): Promise<number>

  /** Whether packets with this mark are led to the node. */
  isRouted(family: IpFamily, mark: number): Promise<boolean>
  route(family: IpFamily, mark: number): Promise<void>
  /** Takes the rule and the route out. @returns whether there were any */
  unroute(family: IpFamily): Promise<boolean>

  readSysctl(name: string): Promise<string | undefined>
  writeSysctl(name: string, value: string): Promise<void>
  setTimeouts(settings: IpvsSettings): Promise<void>

  /** Some virtual servers as they are now; those that aren't there are missing. */
  readServersAt(
    family: IpFamily,
    places: readonly ServerPlace[],
  ): Promise<ReadonlyMap<ServerKey, ObservedServer>>
  /** Elements of a set; `undefined`: it is not there, or can't be told cheaply. */
  countElements(family: IpFamily, set: SetName): Promise<number | undefined>
  /** Transactions of nf_tables that this network namespace has seen; `undefined`: can't be told. */
  readGeneration(): number | undefined
  close(): void
}
