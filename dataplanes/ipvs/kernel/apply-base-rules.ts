import { ApplyError, type IpFamily } from '@portolan/core'
import { iptablesProgram } from '@portolan/native/netfilter'
import type { BaseRulesProgram } from '../compile/base-rules.ts'
import type { Iptables } from './iptables.ts'
import type { Transport } from './transport.ts'

/**
 * Makes what everything else stands on. Each part can stand without the next one, so nothing is taken back when one
 * fails: sets that no rule reads, then rules over empty sets, then a route for a mark that nothing has yet.
 *
 * @returns bytes sent
 * @throws ApplyError
 */
export async function applyBaseRules(
  family: IpFamily,
  { sysctls, createSets, rules, leftOver, routeMark }: BaseRulesProgram,
  transport: Transport,
  iptables: Iptables,
): Promise<number> {
  let bytes = 0
  const attempt = async (operation: string, act: () => Promise<void>) => {
    try {
      await act()
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      throw new ApplyError(words, { operation, cause: error })
    }
  }
  for (const [name, value] of sysctls)
    await attempt(`sysctl ${name}=${value}`, () => transport.writeSysctl(name, value))
  for (const set of createSets) await attempt(`create ipset ${set}`, () => transport.createSet(family, set))
  for (const script of rules) {
    await attempt('iptables-restore', () => iptables.restore(family, script))
    bytes += script.length
  }
  for (const script of leftOver?.scripts ?? []) {
    await attempt(iptablesProgram(family, leftOver?.variant, 'restore'), () =>
      iptables.restore(family, script, leftOver?.variant),
    )
    bytes += script.length
  }
  if (routeMark !== undefined)
    await attempt('route marked packets to this node', () => transport.route(family, routeMark))
  return bytes
}
