import { type IpFamily, ipFamilies } from '@portolan/core'
import { isOurs } from './held.ts'
import type { Iptables } from './iptables-command.ts'
import type { Step } from './step.ts'
import { ipvsSysctls } from './sysctls.ts'
import type { Transport } from './transport.ts'

/** Removes everything of ours, what leads packets first; says what. Nothing of others. */
export async function cleanUp(transport: Transport, iptables: Iptables): Promise<string[]> {
  const removed: string[] = []
  let others = 0
  for (const family of ipFamilies) {
    removed.push(...(await iptables.remove(family)))
    if (await transport.unroute(family)) removed.push(`${family} rule and route for marked packets`)
    const servers = await transport.readServers(family)
    const ours = servers.filter(isOurs)
    others += servers.length - ours.length
    if (ours.length > 0) {
      const steps = ours.map(({ place, terms }): Step => ({ do: 'delete-server', place, terms }))
      await transport.apply(family, steps)
      removed.push(count(family, ours.length, 'virtual server'))
    }
    const sets = await transport.destroySets(family)
    if (sets > 0) removed.push(count(family, sets, 'ipset'))
  }
  // As the kernel has them by itself; whoever has virtual servers of his own may count on them.
  if (others === 0 && removed.length > 0)
    for (const name of ipvsSysctls.keys()) await transport.writeSysctl(name, '0')
  return removed
}

function count(family: IpFamily, number: number, thing: string): string {
  return `${number} ${family} ${thing}${number === 1 ? '' : 's'}`
}
