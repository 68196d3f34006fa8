import { ipFamilies } from '@portolan/core'
import { nftFamily, tableName } from './layout.ts'
import type { NftCommand } from './nft-command.ts'
import { member } from './nft-json.ts'

/** One of our tables that the kernel has. */
export interface OurTable {
  /** `ip portolan`, `ip6 portolan`. */
  readonly name: string
  readonly family: (typeof ipFamilies)[number]
}

export async function listOurTables(nft: NftCommand): Promise<OurTable[]> {
  const listed = (await nft.list(['list', 'tables'])) ?? []
  const there = (family: string) =>
    listed.some((object) => {
      const table = member(object, 'table')
      return table?.family === family && table.name === tableName
    })
  return ipFamilies
    .filter((family) => there(nftFamily(family)))
    .map((family) => ({ family, name: `${nftFamily(family)} ${tableName}` }))
}
