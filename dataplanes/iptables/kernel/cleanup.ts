import { type CleanupReport, type IpFamily, ipFamilies } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { noChainEdits } from '../compile/chain-edits.ts'
import type { TableName } from '../layout/base-chains.ts'
import type { HeldTable } from '../layout/held.ts'
import { isOurSet, routeLocalnetMarker } from '../layout/layout.ts'
import { Ipset } from './ipset.ts'
import { readRouteLocalnet, setRouteLocalnet } from './route-localnet.ts'
import { findTools, hasLegacyTable, type Variant, variants } from './variant.ts'
import { Xtables } from './xtables.ts'

const tables: readonly TableName[] = ['nat', 'filter']

/** Removes everything of ours, of both variants and families; says what. */
export async function cleanup(command: SystemCommand): Promise<CleanupReport> {
  const steps = variants.flatMap((variant) =>
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
  for (const variant of variants)
    for (const family of ipFamilies)
      if ((await findTools(command, variant, family)) !== undefined) return true
  return false
}

/** Removes our rules of one variant and family; tells what. */
export async function removeRules(
  command: SystemCommand,
  variant: Variant,
  family: IpFamily,
): Promise<string[]> {
  const removed: string[] = []
  const xtables = new Xtables(command, variant)
  for (const [table, { chains, jumps }] of await ourRules(command, variant, family)) {
    await xtables.restore(family, table, {
      ...noChainEdits,
      deleted: new Set(chains.keys()),
      jumpsRemoved: jumps,
    })
    removed.push(`${chains.size} chains of the ${variant} ${family} table ${table}`)
  }
  return removed
}

/** The tables of one variant in which there is something of ours. */
export async function ourRules(
  command: SystemCommand,
  variant: Variant,
  family: IpFamily,
): Promise<ReadonlyMap<TableName, HeldTable>> {
  const found = new Map<TableName, HeldTable>()
  if ((await findTools(command, variant, family)) === undefined) return found
  const xtables = new Xtables(command, variant)
  for (const table of tables) {
    // Asking a legacy table that doesn't exist makes it.
    if (variant === 'legacy' && !hasLegacyTable(command, family, table)) continue
    const held = await xtables.read(family, table)
    if (held.chains.size + held.jumps.length > 0) found.set(table, held)
  }
  return found
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
      'net.ipv4.conf.all.route_localnet, which was switched on for NodePorts at loopback, can not be set to 0: ' +
        'make /proc/sys writable and clean up again',
      { cause },
    )
  }
  return true
}
