import { type DrainReport, ipFamilies } from '@portolan/core'
import { countTranslatedConnections } from '@portolan/native/netfilter'
import { nftFamily, tableName } from '../layout/table.ts'
import { missingMechanism } from './cleanup.ts'
import type { NftCommand } from './nft-command.ts'
import { listOurTables } from './our-tables.ts'

/** Names of our tables, `ip portolan`; none, where there is no nft and so no table of ours that could be listed. */
export async function ourTableNames(nft: NftCommand): Promise<readonly string[]> {
  try {
    return (await listOurTables(nft)).map(({ name }) => name)
  } catch (error) {
    if (missingMechanism(error) === undefined) throw error
    return []
  }
}

/**
 * Replaces our tables by such that translate nothing. The kernel translates established connections only while somebody has
 * a chain of type nat, and knows connections only while some rule asks about them: so hooks stay, and one such rule.
 */
export async function drain(nft: NftCommand, networkNamespace: string | undefined): Promise<DrainReport> {
  const tables = await ourTableNames(nft)
  if (tables.length === 0) return { connections: 0 }
  await nft.run(tables.map(emptyTable).join(''))
  let connections = 0
  for (const family of ipFamilies)
    if (tables.includes(`${nftFamily(family)} ${tableName}`))
      connections += await countTranslatedConnections(family, networkNamespace)
  return { connections }
}

/** In one transaction, so that hooks of the new table are there before those of the old one go. */
function emptyTable(name: string): string {
  return `delete table ${name}
table ${name} {
	comment "drained: only the translation of established connections is kept"
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ct status dnat accept
	}
	chain output {
		type nat hook output priority -100; policy accept;
	}
	chain input {
		type nat hook input priority 100; policy accept;
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
	}
}
`
}
