import { ipFamilies } from '@portolan/core'
import { nftFamily, tableName } from '../layout/table.ts'
import type { NftCommand } from './nft-command.ts'

/** One of our tables that the kernel has. */
export interface OurTable {
  /** `ip portolan`, `ip6 portolan`. */
  readonly name: string
  readonly family: (typeof ipFamilies)[number]
}

/** Whatever other tables hold: iptables-nft may have some hundred thousand rules, which take nft minutes to list. */
export async function listOurTables(nft: Pick<NftCommand, 'tableNames'>): Promise<OurTable[]> {
  const names = await nft.tableNames()
  return ipFamilies
    .map((family) => ({ family, name: `${nftFamily(family)} ${tableName}` }))
    .filter(({ name }) => names.includes(name))
}
