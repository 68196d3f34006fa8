import { ipFamilies } from '@portolan/core'
import { Command } from './command.ts'
import { Ipset } from './ipset.ts'
import { setName } from './layout.ts'
import { findTools, type Variant } from './variant.ts'

/** What befalls a node's rules from outside: lines for iptables-restore, and for ipset. */
interface Damage {
  readonly rules?: readonly string[]
  readonly sets?: (family: (typeof ipFamilies)[number]) => readonly string[]
}

const damages: readonly Damage[] = [
  { rules: ['*nat', '-F', '-X', 'COMMIT', '*filter', '-F', '-X', 'COMMIT'] },
  { rules: ['*nat', '-F', 'COMMIT'] },
  { rules: ['*nat', '-F PREROUTING', 'COMMIT'] },
  { rules: ['*nat', '-F PTL-IP', 'COMMIT'] },
  { rules: ['*nat', '-I PORTOLAN-SERVICES 1 -j RETURN', 'COMMIT'] },
  { rules: ['*nat', '-F PTL-TCP', '-F PORTOLAN-POSTROUTING', 'COMMIT'] },
  { rules: ['*filter', '-F PORTOLAN-REFUSALS', 'COMMIT'] },
  { rules: ['*filter', '-F FORWARD', '-A FORWARD -j PORTOLAN-INPUT', 'COMMIT'] },
  { sets: (family) => [`flush ${setName(family, 'cluster-ips')}`] },
  { sets: (family) => [`flush ${setName(family, 'nodeport-addresses')}`] },
  {
    sets: (family) => [
      `add ${setName(family, 'service-cidrs')} ${family === 'IPv4' ? '198.18.0.0/15' : '2001:db8:9::/48'}`,
    ],
  },
]

/** The kit's hook that damages what one variant holds, in one of several ways; it says false when there are no more. */
export function sabotage(variant: Variant): (networkNamespace: string, way: number) => Promise<boolean> {
  return async (networkNamespace, way) => {
    const damage = damages[way]
    if (damage === undefined) return false
    const command = new Command(networkNamespace)
    for (const family of ipFamilies) {
      const tools = await findTools(command, variant, family)
      if (tools === undefined) throw new Error(`there is no iptables-${variant}`)
      const { rules, sets } = damage
      if (rules !== undefined)
        await command.run(tools.restore, ['--noflush', '-w', '5'], `${rules.join('\n')}\n`)
      if (sets !== undefined) await new Ipset(command).restore(sets(family))
    }
    return true
  }
}

/** The kit's hook that puts rules and a set of somebody else's beside ours; what it gives tells if they are still there. */
export function foreign(variant: Variant): (networkNamespace: string) => Promise<() => Promise<boolean>> {
  return async (networkNamespace) => {
    const command = new Command(networkNamespace)
    const tools = await findTools(command, variant, 'IPv4')
    if (tools === undefined) throw new Error(`there is no iptables-${variant}`)
    const rules = [
      '*filter',
      ':KUBE-FIREWALL - [0:0]',
      '-A KUBE-FIREWALL -s 192.0.2.66/32 -j DROP',
      '-A INPUT -j KUBE-FIREWALL',
      'COMMIT',
    ]
    await command.run(tools.restore, ['--noflush', '-w', '5'], `${rules.join('\n')}\n`)
    await new Ipset(command).restore(['create somebody-else hash:ip', 'add somebody-else 192.0.2.1'])
    return async () => {
      const saved = await command.run(tools.save, ['-t', 'filter'])
      const sets = await new Ipset(command).elements(['somebody-else'])
      const whole = rules.filter((rule) => rule.startsWith('-A')).every((rule) => saved.includes(rule))
      return whole && sets.get('somebody-else')?.has('192.0.2.1') === true
    }
  }
}
