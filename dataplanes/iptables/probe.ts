import { ipFamilies, isOlderVersion, type ProbeReport } from '@portolan/core'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { sourceIsDestination } from './base-chains.ts'
import { detectVariant, findTools, hasLegacyTable, type Variant, versionOf } from './variant.ts'

/** From here on iptables has its two variants under names of their own. */
const oldestIptables = '1.8'

const mends: Readonly<Record<SystemCommandError['code'], string>> = {
  COMMAND_NOT_FOUND: 'on Debian: apt-get install iptables ipset',
  COMMAND_NOT_PERMITTED: 'use sudo, or add NET_ADMIN and NET_RAW to the capabilities of the container',
  COMMAND_FAILED:
    'see that the kernel has ip_set, xt_set, xt_statistic, xt_addrtype, xt_conntrack, xt_bpf and nf_nat (modprobe NAME)',
}

/** Whether this node can run the dataplane: the tools, and the extensions that the rules use. */
export async function probe(command: SystemCommand, wanted: Variant | undefined): Promise<ProbeReport> {
  const facts: Record<string, string> = {}
  const problems: { what: string; mend: string }[] = []
  const note = (error: unknown) => {
    if (!(error instanceof SystemCommandError)) throw error
    problems.push({ what: error.message, mend: mends[error.code] })
  }
  try {
    const variant = wanted ?? (await detectVariant(command))
    facts.variant = variant
    for (const family of ipFamilies) {
      const tools = await findTools(command, variant, family)
      const name = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${variant}`
      if (tools === undefined) {
        problems.push({ what: `${name} is not installed`, mend: mends.COMMAND_NOT_FOUND })
        continue
      }
      const version = (await versionOf(command, tools.save.replace(/-save$/, '')))?.version ?? ''
      facts[name] = version
      if (isOlderVersion(version, oldestIptables)) {
        problems.push({
          what: `${name} ${version} is older than ${oldestIptables}`,
          mend: 'install a newer iptables package',
        })
      }
      // To try rules in a legacy table makes it, and a probe changes nothing.
      if (variant === 'legacy' && !hasLegacyTable(command, family, 'nat')) continue
      await command.run(tools.restore, ['--noflush', '--test', '-w', '5'], trial(family)).catch(note)
    }
  } catch (error) {
    note(error)
  }
  try {
    await command.run('ipset', ['list', '-name'])
    facts.ipset = /v(\d+(?:\.\d+)*)/.exec(await command.run('ipset', ['--version']))?.[1] ?? ''
  } catch (error) {
    note(error)
  }
  return { usable: problems.length === 0, problems, facts }
}

/** Rules with every extension but those that need a set; they are read and not applied. */
function trial(family: (typeof ipFamilies)[number]): string {
  const chain = 'PORTOLAN-PROBE'
  return [
    '*nat',
    `:${chain} - [0:0]`,
    `-A ${chain} -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.5 -j ACCEPT`,
    `-A ${chain} -m addrtype --src-type LOCAL -j MARK --set-xmark 0x4000/0x4000`,
    `-A ${chain} -m conntrack --ctstate DNAT ${sourceIsDestination(family)} -j MASQUERADE --random-fully`,
    'COMMIT',
    '',
  ].join('\n')
}
