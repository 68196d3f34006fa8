import { ipFamilies } from '@portolan/core'
import { nftFamily, tableName } from '../layout/table.ts'
import { type NftCommand, NftListingError } from './nft-command.ts'
import { member } from './nft-json.ts'

/** One of our tables that the kernel has. */
export interface OurTable {
  /** `ip portolan`, `ip6 portolan`. */
  readonly name: string
  readonly family: (typeof ipFamilies)[number]
}

/** By a terse listing, because nft 1.0.6 reads all elements of all tables for `list tables`. */
export async function listOurTables(nft: NftCommand): Promise<OurTable[]> {
  const found: OurTable[] = []
  for (const family of ipFamilies) {
    if (await isThere(nft, nftFamily(family)))
      found.push({ family, name: `${nftFamily(family)} ${tableName}` })
  }
  return found
}

async function isThere(nft: NftCommand, family: 'ip' | 'ip6'): Promise<boolean> {
  try {
    const listed = await nft.listTersely(family, tableName)
    return listed.some((object) => member(object, 'table')?.name === tableName)
  } catch (error) {
    if (error instanceof NftListingError) return true
    throw error
  }
}
