import type { IpFamily } from '@portolan/core'
import type { SystemCommand } from '@portolan/native/system-command'
import { ourRules } from './cleanup.ts'
import type { Held } from './held.ts'
import { Ipset } from './ipset.ts'
import { clientSetPrefix, isOurSet, setPrefix } from './layout.ts'
import { isTcpLiberal } from './proc.ts'
import { readRouteLocalnet } from './route-localnet.ts'
import type { Xtables } from './xtables.ts'

/** Reads back what the kernel holds of ours in one family. */
export async function observe(family: IpFamily, command: SystemCommand, xtables: Xtables): Promise<Held> {
  const ipset = new Ipset(command)
  const names = (await ipset.names()).filter((name) => isOurSet(name) && name.startsWith(setPrefix(family)))
  const written = names.filter((name) => !name.startsWith(clientSetPrefix(family)))
  const other = xtables.variant === 'legacy' ? 'nft' : 'legacy'
  const [elsewhere, nat, filter, elements] = await Promise.all([
    ourRules(command, other, family),
    xtables.read(family, 'nat'),
    xtables.read(family, 'filter'),
    ipset.elements(written),
  ])
  return {
    family,
    tables: { nat, filter },
    sets: new Map(names.map((name) => [name, elements.get(name) ?? new Set<string>()])),
    liberal: isTcpLiberal(command.networkNamespace),
    routeLocalnet: readRouteLocalnet(command.networkNamespace),
    ...(elsewhere.size > 0 ? { leftOver: other } : {}),
  }
}
