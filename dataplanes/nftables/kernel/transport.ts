import type { IpFamily } from '@portolan/core'
import type { NftProgram } from '../compile/program.ts'
import type { ObservedElements, Structure } from '../layout/observed-state.ts'
import type { SetDeclaration } from '../layout/sets.ts'

export interface Sent {
  readonly bytes: number
  readonly transactions: number
}

/** How programs reach the kernel, and elements come back. Both ways give the kernel the same bytes. */
export interface Transport {
  readonly name: 'netlink' | 'nft'
  /**
   * Applies a program that does something.
   * @throws ApplyError; every packet is treated as before
   */
  apply(program: NftProgram): Promise<Sent>
  /** The table's chains and sets, and what can be told of those that are none of ours. */
  readStructure(family: IpFamily): Promise<Structure>
  /**
   * The elements of these sets, which must exist, by set name.
   * @throws ForeignElementError for one that isn't of our layout
   */
  readElements(family: IpFamily, sets: readonly SetDeclaration[]): Promise<Map<string, ObservedElements>>
  /**
   * The number of transactions that this network namespace has seen, of all tables; a few microseconds. `undefined`:
   * this transport can't tell.
   */
  readGeneration(): number | undefined
  close(): void
}
