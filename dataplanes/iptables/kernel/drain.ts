import { type DrainReport, ipFamilies } from '@portolan/core'
import {
  countTranslatedConnections,
  Ipset,
  iptablesVariants,
  removalLines,
  Xtables,
} from '@portolan/native/netfilter'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { isOurChain } from '../layout/chain-names.ts'
import { declaredType, isOurSet } from '../layout/sets.ts'

/** Our sets: they come before the first rule that names them and go after the last one, so nothing of ours is without. */
export async function ourSetNames(command: SystemCommand): Promise<readonly string[]> {
  try {
    return (await new Ipset(command).names()).filter(isOurSet)
  } catch (error) {
    if (error instanceof SystemCommandError && error.code === 'COMMAND_NOT_FOUND') return []
    throw error
  }
}

/**
 * Translates and refuses no new connection any more. The kernel's tables of nat stay, and ours of the table filter, empty of
 * what they refuse: their rules let established connections pass where others refuse by default, and keep connection tracking
 * at work.
 */
export async function drain(command: SystemCommand): Promise<DrainReport> {
  const sets = await ourSetNames(command)
  if (sets.length === 0) return { connections: 0 }
  await new Ipset(command).restore(
    sets.filter((name) => declaredType(name) !== undefined).map((name) => `flush ${name}`),
  )
  for (const variant of iptablesVariants)
    for (const family of ipFamilies) {
      const xtables = new Xtables(command, variant, isOurChain)
      const nat = (await xtables.readIfThere(family)).get('nat')
      if (nat !== undefined) await xtables.restore(family, removalLines('nat', nat))
    }
  let connections = 0
  for (const family of ipFamilies)
    connections += await countTranslatedConnections(family, command.networkNamespace)
  return { connections }
}
