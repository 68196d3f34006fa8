import { tableName } from '../src/base-rules.ts'
import { Nft } from '../src/nft.ts'

const table = `ip ${tableName}`

/** What befalls a node's rules from outside. */
const damages: readonly (readonly string[])[] = [
  [`delete table ${table}`],
  [`flush map ${table} from-pod`],
  [`flush chain ${table} prerouting`],
  [`add rule ${table} postrouting counter drop`],
]

/** The kit's hook `sabotage`: damages our table in one of several ways; false when there are no more. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  const damage = damages[way]
  if (damage !== undefined) await new Nft(networkNamespace).apply(damage)
  return damage !== undefined
}

/** The kit's hook `foreign`: puts a table of another tool beside ours; the function given looks for it. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const nft = new Nft(networkNamespace)
  await nft.apply(['add table ip somebody-else'])
  return async () => (await nft.run(['list', 'tables'])).includes('somebody-else')
}
