import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { type IpFamily, ipFamilies, type ProbeReport, type Problem } from '@portolan/core'
import { capabilityProblem } from '@portolan/native'
import { xtablesLockProblem } from '@portolan/native/netfilter'
import { type SystemCommand, SystemCommandError } from '@portolan/native/system-command'
import { iptablesRules } from '../layout/iptables-rules.ts'
import { sets, setTypes } from '../layout/sets.ts'
import type { IpvsSettings } from '../layout/settings.ts'
import type { Iptables } from './iptables.ts'
import type { Transport } from './transport.ts'

const packages: Readonly<Record<string, string>> = {
  nsenter: 'util-linux',
  ipvsadm: 'ipvsadm',
  ipset: 'ipset',
  ip: 'iproute2',
}

/** Modules by name, with what they are for: from the sets and rules that there are, so that none is forgotten. */
export function modulesOf({ scheduler, routeMarkBit }: IpvsSettings): ReadonlyMap<string, string> {
  const modules = new Map([
    ['ip_vs', 'IPVS'],
    [`ip_vs_${scheduler}`, `the scheduler ${scheduler}`],
    ['ip_vs_mh', 'session affinity with externalTrafficPolicy Local'],
  ])
  for (const { kind } of sets)
    modules.set(
      `ip_set_${setTypes[kind].replace(':', '_').replaceAll(',', '')}`,
      `ipsets of type ${setTypes[kind]}`,
    )
  for (const family of ipFamilies) {
    const setting = { family, podSource: { by: 'none' }, masqueradeBit: 0, routeMarkBit } as const
    for (const { chains } of iptablesRules(setting))
      for (const rule of [...chains.values()].flat())
        for (const [, option = '', name = ''] of rule.matchAll(/(-m|-j) (\S+)/g)) {
          const module = chains.has(name) ? undefined : moduleOf(family, option === '-j', name)
          if (module !== undefined) modules.set(module, `${name} in iptables rules`)
        }
  }
  return modules
}

/** The module of a match or a target; `undefined`: iptables itself. A mark's match and target, in small letters, are one. */
function moduleOf(family: IpFamily, isTarget: boolean, name: string): string | undefined {
  if (!isTarget) return `xt_${name}`
  if (['ACCEPT', 'DROP', 'RETURN'].includes(name)) return undefined
  if (name === 'REJECT') return family === 'IPv4' ? 'ipt_REJECT' : 'ip6t_REJECT'
  return ['MASQUERADE', 'NETMAP'].includes(name) ? `xt_${name}` : `xt_${name.toLowerCase()}`
}

/** Whether this node can run the dataplane. Loading modules is left to the kernel, which does it when asked for one. */
export async function probe(
  command: SystemCommand,
  iptables: Iptables,
  settings: IpvsSettings,
  open: () => Promise<Transport>,
): Promise<ProbeReport> {
  const kernel = release()
  const facts: Record<string, string> = { kernel }
  const problems: Problem[] = []
  // NET_RAW: rules that match ipsets ask for them by a raw socket.
  const incapable = capabilityProblem(['CAP_NET_ADMIN', 'CAP_NET_RAW'])
  if (incapable !== undefined) return { usable: false, problems: [incapable], facts }
  const available = readModules(kernel)
  for (const [name, use] of modulesOf(settings)) {
    if (available === undefined || available.has(name) || existsSync(`/sys/module/${name}`)) continue
    problems.push({
      what: `kernel module ${name} (${use}) is missing for Linux ${kernel}`,
      fix: `modprobe ${name}, once a kernel package that has it is installed (on Debian: apt-get install linux-image-amd64)`,
    })
  }
  await attempt(async () => {
    facts.iptables = await iptables.version('IPv4')
    await iptables.version('IPv6')
    const locked = (await iptables.used()) === 'legacy' ? xtablesLockProblem() : undefined
    if (locked !== undefined) problems.push(locked)
  }, problems)
  if (settings.transport === 'ipvsadm')
    await attempt(async () => {
      for (const program of ['ipvsadm', 'ipset'] as const)
        facts[program] = (await command.run(program, ['--version'])).split('\n')[0] ?? ''
    }, problems)
  if (problems.length > 0) return { usable: false, problems, facts }
  try {
    const transport = await open()
    transport.close()
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    problems.push({
      what,
      fix: 'modprobe ip_vs, on a kernel with CONFIG_IP_VS',
    })
  }
  return { usable: problems.length === 0, problems, facts }
}

async function attempt(act: () => Promise<void>, problems: Problem[]): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!(error instanceof SystemCommandError)) throw error
    const name = /^ip6?tables/.test(error.program) ? 'iptables' : (packages[error.program] ?? error.program)
    problems.push({ what: error.message, fix: `on Debian: apt-get install ${name}` })
  }
}

/** Names of the modules that this kernel has, built in or loadable; `undefined`: it doesn't tell here (a container). */
function readModules(kernel: string): Set<string> | undefined {
  const names = new Set<string>()
  for (const file of ['modules.dep', 'modules.builtin']) {
    try {
      for (const line of readFileSync(`/lib/modules/${kernel}/${file}`, 'utf8').split('\n')) {
        const name = /([^/]+)\.ko/.exec(line.split(':')[0] ?? '')?.[1]
        if (name !== undefined) names.add(name.replaceAll('-', '_'))
      }
    } catch {
      // Not there: the other one may tell, or neither does.
    }
  }
  return names.size === 0 ? undefined : names
}
