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

/** By a terse listing, because nft 1.0.6 reads all elements of all tables for `list tables`. */
export async function listOurTables(nft: NftCommand): Promise<OurTable[]> {
  const listed = (await nft.list(['-t', 'list', 'ruleset'])) ?? []
  const there = (family: string) =>
    listed.some((object) => {
      const table = member(object, 'table')
      return table?.family === family && table.name === tableName
    })
  return ipFamilies
    .filter((family) => there(nftFamily(family)))
    .map((family) => ({ family, name: `${nftFamily(family)} ${tableName}` }))
}
