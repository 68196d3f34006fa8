import type { IpFamily } from '@portolan/core'
import type { Element } from './elements.ts'
import type { SetDeclaration } from './layout.ts'
import type { NftProgram } from './program.ts'

/** How programs reach the kernel, and elements come back. Both ways give the kernel the same bytes. */
export interface Transport {
  readonly name: 'netlink' | 'nft'
  /**
   * Applies a program that does something.
   * @returns bytes sent
   * @throws ApplyError; no packet is treated otherwise than before
   */
  apply(program: NftProgram): Promise<number>
  /** The elements of these sets, by set name and key. */
  readElements(family: IpFamily, sets: readonly SetDeclaration[]): Promise<Map<string, Map<string, Element>>>
  close(): void
}
