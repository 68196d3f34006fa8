import { type IpFamily, ipFamilies } from '@portolan/core'
import {
  detectIptablesVariant,
  findIptables,
  Ipset,
  type IptablesPrograms,
  type IptablesVariant,
  iptablesVariants,
} from '@portolan/native/netfilter'
import { SystemCommand } from '@portolan/native/system-command'
import { isOurChain } from '../layout/chain-names.ts'
import { setName } from '../layout/sets.ts'

/** What befalls a node's rules from outside: lines for iptables-restore, and for ipset. */
interface Damage {
  readonly rules?: readonly string[]
  readonly sets?: (family: IpFamily) => readonly string[]
}

const damages: readonly Damage[] = [
  { rules: ['*nat', '-F', '-X', 'COMMIT', '*filter', '-F', '-X', 'COMMIT'] },
  { rules: ['*nat', '-F', 'COMMIT'] },
  { rules: ['*nat', '-F PREROUTING', 'COMMIT'] },
  { rules: ['*nat', '-F PORTOLAN-IP', 'COMMIT'] },
  { rules: ['*nat', '-I PORTOLAN-SERVICES 1 -j RETURN', 'COMMIT'] },
  { rules: ['*nat', '-F PORTOLAN-TCP', '-F PORTOLAN-POSTROUTING', 'COMMIT'] },
  { rules: ['*filter', '-F PORTOLAN-REFUSALS', '-F PORTOLAN-UNSERVED', 'COMMIT'] },
  { rules: ['*filter', '-F FORWARD', '-A FORWARD -j PORTOLAN-INPUT', 'COMMIT'] },
  { sets: (family) => [`flush ${setName(family, 'cluster-ips')}`] },
  { sets: (family) => [`flush ${setName(family, 'nodeport-addresses')}`] },
  {
    sets: (family) => [
      `add ${setName(family, 'service-cidrs')} ${family === 'IPv4' ? '198.18.0.0/15' : '2001:db8:9::/48'}`,
    ],
  },
]

/** Damages what stands, in one of several ways; false when there are no more. A hook of the conformance kit. */
export async function sabotage(networkNamespace: string, way: number): Promise<boolean> {
  const damage = damages[way]
  if (damage === undefined) return false
  const command = new SystemCommand(networkNamespace)
  const variant = await detectIptablesVariant(command, isOurChain)
  for (const family of ipFamilies) {
    const { rules, sets } = damage
    if (rules !== undefined) await restore(command, variant, family, rules)
    if (sets !== undefined) await new Ipset(command).restore(sets(family))
  }
  return true
}

/** Another tool's: what kubelet has, and a set. */
const foreignRules = [
  '*filter',
  ':KUBE-FIREWALL - [0:0]',
  '-A KUBE-FIREWALL -s 192.0.2.66/32 -j DROP',
  '-A INPUT -j KUBE-FIREWALL',
  'COMMIT',
]

/** Puts rules and a set of another tool beside ours; what it gives tells whether they are whole. Also a hook. */
export async function foreign(networkNamespace: string): Promise<() => Promise<boolean>> {
  const command = new SystemCommand(networkNamespace)
  const ipset = new Ipset(command)
  for (const variant of iptablesVariants) await restore(command, variant, 'IPv4', foreignRules)
  await ipset.restore(['create somebody-else hash:ip', 'add somebody-else 192.0.2.1'])
  return async () => {
    const sets = await ipset.read(['somebody-else'])
    let whole = sets.get('somebody-else')?.elements.has('192.0.2.1') === true
    for (const variant of iptablesVariants) {
      const { save } = await toolsOf(command, variant, 'IPv4')
      const saved = await command.run(save, ['-t', 'filter'])
      whole &&= foreignRules.filter((rule) => rule.startsWith('-A')).every((rule) => saved.includes(rule))
    }
    return whole
  }
}

async function restore(
  command: SystemCommand,
  variant: IptablesVariant,
  family: IpFamily,
  lines: readonly string[],
) {
  const tools = await toolsOf(command, variant, family)
  await command.run(tools.restore, ['--noflush', '-w', '5'], `${lines.join('\n')}\n`)
}

async function toolsOf(
  command: SystemCommand,
  variant: IptablesVariant,
  family: IpFamily,
): Promise<IptablesPrograms> {
  const tools = await findIptables(command, variant, family)
  if (tools === undefined) throw new Error(`there is no iptables-${variant}`)
  return tools
}
