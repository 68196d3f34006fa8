import { createLab } from '@portolan/lab'
import test from 'ava'
import { cleanUp } from '../kernel/cleanup.ts'
import { NftCommand } from '../kernel/nft-command.ts'

class WithoutListings extends NftCommand {
  override list(args: readonly string[]): Promise<never> {
    throw new Error(`it lists rules: ${args.join(' ')}`)
  }
}

test('cleanup lists no rules, of which others may have hundreds of thousands', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const nft = new WithoutListings(lab.node.networkNamespace)
  await nft.run('add table ip portolan\nadd table ip6 portolan\nadd table ip other\n')
  t.deepEqual(await cleanUp(nft), { removed: ['table ip portolan', 'table ip6 portolan'] })
  t.deepEqual(await nft.tableNames(), ['ip other'])
  t.deepEqual(await cleanUp(nft), { removed: [] })
})
