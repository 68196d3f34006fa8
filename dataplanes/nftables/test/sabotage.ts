import { NftCommand } from '../kernel/nft-command.ts'
import { listOurTables } from '../kernel/our-tables.ts'

/** What befalls a node's ruleset from outside, as lines of nft for each of our tables. */
const damages: readonly ((table: string) => readonly string[])[] = [
  (table) => [`delete table ${table}`],
  (table) => [`flush map ${table} vips`],
  (table) => [`flush map ${table} counts-vip-cluster`, `flush map ${table} nodeports`],
  (table) => [`flush map ${table} endpoints-vip-cluster-tcp`],
  (table) => [`flush map ${table} policies-vip`],
  (table) => [`flush set ${table} cluster-ips`, `flush set ${table} nodeport-addresses`],
  (table) => [`flush chain ${table} services`],
  (table) => [`delete chain ${table} prerouting`],
  (table) => [`flush chain ${table} vip-cluster`],
  (table) => [`add rule ${table} postrouting counter drop`],
]

/** Damages our tables in one of several ways; false when there are no more. A hook of the conformance kit. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  const damage = damages[way]
  if (damage === undefined) return false
  const nft = new NftCommand(networkNamespace)
  const tables = await listOurTables(nft)
  await nft.run(tables.flatMap(({ name }) => damage(name)).join('\n'))
  return true
}

/** Puts a table of another tool beside ours; the function given tells whether it is still whole. Also a hook. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const nft = new NftCommand(networkNamespace)
  await nft.run(
    [
      'add table inet somebody-else',
      'add chain inet somebody-else input { type filter hook input priority 0 ; }',
      'add rule inet somebody-else input tcp dport 22 accept',
    ].join('\n'),
  )
  return async () => {
    const listed = await nft.list(['list', 'table', 'inet', 'somebody-else'])
    return JSON.stringify(listed ?? []).includes('"accept"')
  }
}
