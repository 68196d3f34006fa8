import { type CleanupReport, type IpFamily, ipFamilies } from '@portolan/core'
import {
  findIptables,
  Ipset,
  type IptablesVariant,
  iptablesVariants,
  Xtables,
} from '@portolan/native/netfilter'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { isOurChain } from '../layout/chain-names.ts'
import { isOurSet, routeLocalnetMarker } from '../layout/sets.ts'
import { readRouteLocalnet, setRouteLocalnet } from './sysctls.ts'

/** Removes everything of ours, of both variants and families; says what. */
export async function cleanup(command: SystemCommand): Promise<CleanupReport> {
  const steps = iptablesVariants.flatMap((variant) =>
    ipFamilies.map((family) => ({
      what: `rules of ${variant} ${family} tables`,
      take: () => removeRules(command, variant, family),
    })),
  )
  // Sets come last: none can be destroyed while a rule names it.
  const removed: string[] = []
  const failures: string[] = []
  for (const { what, take } of [...steps, { what: 'ipsets', take: () => destroySets(command) }]) {
    try {
      removed.push(...(await take()))
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (failures.length > 0) throw new Error(failures.join('; '))
  if (removed.length > 0 || (await hasTools(command))) return { removed }
  return { removed, absent: 'iptables is not installed' }
}

async function hasTools(command: SystemCommand): Promise<boolean> {
  for (const variant of iptablesVariants)
    for (const family of ipFamilies)
      if ((await findIptables(command, variant, family)) !== undefined) return true
  return false
}

/** Removes our rules of one variant and family; tells what. */
export async function removeRules(
  command: SystemCommand,
  variant: IptablesVariant,
  family: IpFamily,
): Promise<string[]> {
  const taken = await new Xtables(command, variant, isOurChain).remove(family)
  return [...taken].map(
    ([table, { chains }]) => `${chains.size} chains of the ${variant} ${family} table ${table}`,
  )
}

async function destroySets(command: SystemCommand): Promise<string[]> {
  const ipset = new Ipset(command)
  const names = await ipset.names().catch((error: unknown) => {
    if (error instanceof SystemCommandError && error.code === 'COMMAND_NOT_FOUND') return []
    throw error
  })
  const ours = names.filter(isOurSet)
  if (ours.length === 0) return []
  const marker = routeLocalnetMarker.name
  const left = await ipset.destroy(ours.filter((name) => name !== marker))
  if (left.length > 0)
    throw new SystemCommandError('COMMAND_FAILED', 'ipset', `ipset: still in use: ${left.join(', ')}`)
  const removed = [`${ours.length} ipsets`]
  if (!ours.includes(marker)) return removed
  if (unrouteLocalnet(command.networkNamespace)) removed.push('net.ipv4.conf.all.route_localnet=1')
  await ipset.destroy([marker])
  return removed
}

/** Switches off what the marker says that we switched on; whether it still was. */
function unrouteLocalnet(networkNamespace: string | undefined): boolean {
  if (readRouteLocalnet(networkNamespace) !== 'on') return false
  try {
    setRouteLocalnet(networkNamespace, false)
  } catch (cause) {
    throw new Error(
      'net.ipv4.conf.all.route_localnet, which was switched on for NodePorts at loopback, cannot be set to 0: ' +
        'make /proc/sys writable and clean up again',
      { cause },
    )
  }
  return true
}
