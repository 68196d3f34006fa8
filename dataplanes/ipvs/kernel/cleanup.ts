import { type IpFamily, ipFamilies } from '@portolan/core'
import type { Step } from '../compile/step.ts'
import { isOurs } from '../layout/observed-state.ts'
import { ipvsSysctls } from '../layout/sysctls.ts'
import { untilFlowsForgotten } from './connections.ts'
import type { Iptables } from './iptables.ts'
import type { Transport } from './transport.ts'

/**
 * Removes everything of ours, what leads packets first; says what. Nothing of others.
 *
 * @throws naming each step that failed, when all others have been taken
 */
export async function cleanUp(
  transport: Transport,
  iptables: Iptables,
  networkNamespace: string | undefined,
): Promise<string[]> {
  const removed: string[] = []
  const failures: string[] = []
  const attempt = async (what: string, take: () => Promise<readonly string[]>): Promise<void> => {
    try {
      removed.push(...(await take()))
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  let others = 0
  for (const family of ipFamilies) {
    const route = `${family} rule and route for marked packets`
    await attempt(`${family} rules of iptables`, () => iptables.remove(family, (table) => table !== 'raw'))
    await attempt(route, async () => ((await transport.unroute(family)) ? [route] : []))
    await attempt(`${family} virtual servers`, async () => {
      const servers = await transport.readServers(family)
      const ours = servers.filter(isOurs)
      others += servers.length - ours.length
      if (ours.length === 0) return []
      const steps = ours.map(({ place, terms }): Step => ({ do: 'delete-server', place, terms }))
      await transport.apply(family, steps)
      await untilFlowsForgotten(
        ours.flatMap(({ place }) => ('fwmark' in place ? [] : [place])),
        networkNamespace,
      )
      return [count(family, ours.length, 'virtual server')]
    })
    // Last of all: a flow that another dataplane has taken over is kept from IPVS by it.
    await attempt(`${family} rules of iptables in the table raw`, () =>
      iptables.remove(family, (table) => table === 'raw'),
    )
    await attempt(`${family} ipsets`, async () => {
      const sets = await transport.destroySets(family)
      return sets > 0 ? [count(family, sets, 'ipset')] : []
    })
  }
  // As the kernel has them by itself; who has virtual servers of their own may count on them.
  if (others === 0 && removed.length > 0) {
    await attempt('sysctls of IPVS', async () => {
      for (const name of ipvsSysctls.keys()) await transport.writeSysctl(name, '0')
      return []
    })
  }
  if (failures.length > 0) throw new Error(failures.join('; '))
  return removed
}

function count(family: IpFamily, number: number, thing: string): string {
  return `${number} ${family} ${thing}${number === 1 ? '' : 's'}`
}
