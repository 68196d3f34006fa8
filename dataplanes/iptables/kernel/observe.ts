import type { IpFamily } from '@portolan/core'
import { canSwapSets, Ipset, isSameSetType, Xtables } from '@portolan/native/netfilter'
import type { SystemCommand } from '@portolan/native/system-command'
import { isOurChain } from '../layout/chain-names.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { clientSetPrefix, declaredType, isOurSet, isStandIn, setPrefix } from '../layout/sets.ts'
import { isTcpLiberal, readRouteLocalnet } from './sysctls.ts'

/** Reads back what the kernel holds of ours in one family. */
export async function observe(
  family: IpFamily,
  command: SystemCommand,
  xtables: Xtables,
): Promise<ObservedState> {
  const ipset = new Ipset(command)
  const names = (await ipset.names()).filter((name) => isOurSet(name) && name.startsWith(setPrefix(family)))
  const written = names.filter((name) => !name.startsWith(clientSetPrefix(family)))
  const other = xtables.variant === 'legacy' ? 'nft' : 'legacy'
  const [elsewhere, nat, filter, read] = await Promise.all([
    new Xtables(command, other, isOurChain).readIfThere(family),
    xtables.read(family, 'nat'),
    xtables.read(family, 'filter'),
    ipset.read(written),
  ])
  const isOther = (name: string) => {
    const [declared, observed] = [declaredType(name), read.get(name)?.type]
    return declared !== undefined && observed !== undefined && !isSameSetType(observed, declared)
  }
  const resizedSets = names.filter(
    (name) => isOther(name) && canSwapSets(read.get(name)?.type ?? '', declaredType(name) ?? ''),
  )
  const otherSets = names.filter((name) => (isOther(name) && !resizedSets.includes(name)) || isStandIn(name))
  return {
    family,
    otherSets,
    resizedSets,
    tables: { nat, filter },
    sets: new Map(
      names
        .filter((name) => !otherSets.includes(name) && !resizedSets.includes(name))
        .map((name) => [name, new Set(read.get(name)?.elements.keys())]),
    ),
    liberal: isTcpLiberal(command.networkNamespace),
    routeLocalnet: readRouteLocalnet(command.networkNamespace),
    ...(elsewhere.size > 0 ? { leftOver: other } : {}),
  }
}
