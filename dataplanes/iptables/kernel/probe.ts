import { type IpFamily, ipFamilies, isOlderVersion, type ProbeReport, type Problem } from '@portolan/core'
import { capabilityProblem, SystemCallError } from '@portolan/native'
import {
  detectIptablesVariant,
  findIptables,
  type IptablesVariant,
  iptablesProgram,
  legacyTables,
  xtablesLockProblem,
} from '@portolan/native/netfilter'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { rejectRules, sourceIsDestination, type TableName } from '../layout/base-chains.ts'
import { isOurChain } from '../layout/chain-names.ts'
import { kernelNeeds, missingNeeds } from './kernel-needs.ts'

/** From here on iptables has its two variants under names of their own. */
const oldestIptables = '1.8'

const fixes: Readonly<Record<SystemCommandError['code'], string>> = {
  COMMAND_NOT_FOUND: 'on Debian: apt-get install iptables ipset',
  COMMAND_NOT_PERMITTED:
    'see that this user namespace owns the network namespace (in a Pod: hostUsers), and that no seccomp profile forbids it',
  COMMAND_FAILED:
    'see that the kernel has ip_set, iptable_nat and ip6table_nat (or nft_compat, for the nft variant), nf_conntrack (modprobe NAME)',
}

/**
 * Whether this node can run the dataplane: the tools, the types of sets and the extensions of rules that it uses. Changes
 * nothing; the kernel may load modules.
 */
export async function probe(
  command: SystemCommand,
  wanted: IptablesVariant | undefined,
): Promise<ProbeReport> {
  const facts: Record<string, string> = {}
  const problems: Problem[] = []
  const note = (error: unknown) => {
    if (error instanceof SystemCommandError) problems.push({ what: error.message, fix: fixes[error.code] })
    else if (error instanceof SystemCallError)
      problems.push({ what: error.message, fix: fixes.COMMAND_FAILED })
    else throw error
  }
  // NET_RAW: rules that match ipsets ask for them by a raw socket.
  const incapable = capabilityProblem(['CAP_NET_ADMIN', 'CAP_NET_RAW'])
  if (incapable !== undefined) return { usable: false, problems: [incapable], facts }
  let found: IptablesVariant | undefined
  try {
    const variant = wanted ?? (await detectIptablesVariant(command, isOurChain))
    found = variant
    facts.variant = variant
    const locked = variant === 'legacy' ? xtablesLockProblem() : undefined
    if (locked !== undefined) problems.push(locked)
    for (const family of ipFamilies) {
      const programs = await findIptables(command, variant, family)
      const name = iptablesProgram(family, variant)
      if (programs === undefined) {
        problems.push({ what: `${name} is not installed`, fix: fixes.COMMAND_NOT_FOUND })
        continue
      }
      const { version } = programs
      facts[name] = version
      if (isOlderVersion(version, oldestIptables)) {
        problems.push({
          what: `${name} ${version} is older than ${oldestIptables}`,
          fix: 'install a newer iptables package',
        })
      }
      for (const table of ['nat', 'filter'] as const) {
        // To try rules in a legacy table makes it.
        if (variant === 'legacy' && !legacyTables(command, family).includes(table)) continue
        const args = ['--noflush', '--test', '-w', '5']
        await command.run(programs.restore, args, trials[table](family)).catch(note)
      }
    }
  } catch (error) {
    note(error)
  }
  try {
    await command.run('ipset', ['list', '-name'])
    facts.ipset = /v(\d+(?:\.\d+)*)/.exec(await command.run('ipset', ['--version']))?.[1] ?? ''
    if (found !== undefined) problems.push(...missingNeeds(kernelNeeds, found, command.networkNamespace))
  } catch (error) {
    note(error)
  }
  return { usable: problems.length === 0, problems, facts }
}

/** Rules with what the tools have to know: options, and extensions that need no set. They are read and not applied. */
const trials: Readonly<Record<TableName, (family: IpFamily) => string>> = {
  nat: (family) => {
    const to = family === 'IPv4' ? '192.0.2.1:80' : '[2001:db8::1]:80'
    return trial('nat', [
      '-p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.5 -j ACCEPT',
      `-p tcp -j DNAT --to-destination ${to}`,
      '-m addrtype --src-type LOCAL -j MARK --set-xmark 0x4000/0x4000',
      `-m conntrack --ctstate DNAT ${sourceIsDestination(family)} -j MASQUERADE --random-fully`,
    ])
  },
  filter: (family) => {
    return trial('filter', ['-m addrtype ! --dst-type LOCAL -j RETURN', ...rejectRules(family)])
  },
}

function trial(table: TableName, rules: readonly string[]): string {
  const chain = 'PORTOLAN-PROBE'
  return [`*${table}`, `:${chain} - [0:0]`, ...rules.map((rule) => `-A ${chain} ${rule}`), 'COMMIT', ''].join(
    '\n',
  )
}
