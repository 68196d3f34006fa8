import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import type { ProxyConfig } from '../config/proxy-config.ts'
import type { Logger } from '../log/logger.ts'
import { sysctlPath } from '../network/sysctl-path.ts'
import { conntrackSysctls } from './conntrack-sysctls.ts'
import { type KernelValue, type KernelValueOutcome, setKernelValue } from './kernel-value.ts'

export interface NodePreparation {
  readonly config: Pick<ProxyConfig, 'conntrack'>
  readonly logger: Pick<Logger, 'info' | 'warn'>
  /** Where the file system begins. Default: `/`. */
  readonly root?: string
  /** Default: those of this machine, whatever a cgroup leaves of them. */
  readonly cpus?: number
  /** Has the kernel load a module. Default: by modprobe, which a container may not have. */
  readonly loadModule?: (name: string) => Promise<void>
}

/**
 * Sets the sysctls that kube-proxy sets, of this process's network namespace where they have one each. What can't be set is
 * a warning with what to do, because rules are worth more than a timeout.
 *
 * @returns names of those that could not be set
 */
export async function prepareNode(preparation: NodePreparation): Promise<readonly string[]> {
  const { config, logger, root = '/', loadModule = modprobe } = preparation
  const wanted = conntrackSysctls(config.conntrack, preparation.cpus ?? cpus().length)
  const [first] = wanted
  if (first !== undefined && !existsSync(sysctlPath(first.name, root))) await loadModule('nf_conntrack')
  const failed: string[] = []
  for (const value of wanted) {
    if (value.needs !== undefined && failed.includes(value.needs)) continue
    const outcome = await setKernelValue(value, root)
    if (outcome.is === 'set')
      logger.info(
        { event: 'sysctl-set', name: value.name, before: outcome.before, value: value.value },
        `${value.name} set`,
      )
    if (outcome.is !== 'absent' && outcome.is !== 'refused') continue
    // What it needs has been told already, or is as it should be.
    if (outcome.is === 'refused' && outcome.isFixed && value.needs !== undefined) continue
    failed.push(value.name)
    logger.warn(
      { event: 'sysctl-not-set', name: value.name, value: value.value, ...why(outcome) },
      warningOf(value, outcome),
    )
  }
  return failed
}

function why(outcome: KernelValueOutcome): { readonly reason: string; readonly before?: number } {
  if (outcome.is !== 'refused') return { reason: outcome.is }
  return { reason: outcome.code, ...(outcome.before === undefined ? {} : { before: outcome.before }) }
}

function warningOf({ name, value }: KernelValue, outcome: KernelValueOutcome): string {
  if (outcome.is !== 'refused')
    return (
      `${name} is not there, so it is not set to ${value}: load the module nf_conntrack on the node before the start ` +
      '(/etc/modules-load.d), or leave it alone by 0 in the configuration'
    )
  const stays = outcome.before === undefined ? 'can not be read' : `stays ${outcome.before}`
  return (
    `${name} ${stays}, though ${value} is asked for (${outcome.code}): mount the node's /proc/sys/net at ` +
    "/host/proc/sys/net, or run 'portolan run --init-only' once in a privileged container, or " +
    'set it on the node (/etc/sysctl.d), or leave it alone by 0 in the configuration'
  )
}

/** That it isn't there, or may not, shows in what it should have brought. */
function modprobe(name: string): Promise<void> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  return new Promise((resolve) => {
    execFile('modprobe', [name], { env, timeout: 10_000 }, () => resolve())
  })
}
