import { kubeProxyRemoval } from './kube-proxy-chains.ts'
import type { KubeProxyRules } from './kube-proxy-rules.ts'
import { NodeError, nodeErrorCodes } from './node-error.ts'
import { runTool } from './system-tool.ts'

/** Rules of 30,000 Services are some hundred megabytes of text, and take minutes where iptables-nft reads them. */
const limits = { timeout: 240_000, maxBuffer: 1 << 30 }

/**
 * Removes kube-proxy's tables of nftables and its chains of iptables, and nothing else; says what. What it has of mode ipvs
 * stays. One that is interrupted is found again by `kubeProxyRules`.
 *
 * @param rules where there are any
 * @throws NodeError KUBE_PROXY_NOT_REMOVED naming what a tool has refused, when everything else has been tried
 */
export async function removeKubeProxyRules(rules: KubeProxyRules): Promise<readonly string[]> {
  const removed: string[] = []
  const failures: string[] = []
  const attempt = async (step: () => Promise<readonly string[]>): Promise<void> => {
    try {
      removed.push(...(await step()))
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  for (const table of rules.nftables ?? [])
    await attempt(async () => {
      await runTool('nft', ['delete', ...table.split(' ')], '', limits)
      return [table]
    })
  for (const variant of ['nft', 'legacy'] as const) {
    const there = rules[`iptables-${variant}`] ?? []
    for (const [program, family] of [
      ['iptables', 'ip'],
      ['ip6tables', 'ip6'],
    ] as const)
      if (there.some((one) => one.endsWith(` of ${family} filter`)))
        await attempt(() => removeChains(`${program}-${variant}`))
  }
  if (failures.length > 0)
    throw new NodeError(
      'KUBE_PROXY_NOT_REMOVED',
      failures.join('; '),
      nodeErrorCodes.KUBE_PROXY_NOT_REMOVED.fix,
    )
  return removed
}

async function removeChains(program: string): Promise<readonly string[]> {
  const saved = await runTool(`${program}-save`, [], '', limits)
  const removals = kubeProxyRemoval(saved)
  for (const { lines } of removals)
    await runTool(`${program}-restore`, ['--noflush', '-w', '5'], `${lines.join('\n')}\n`, limits)
  return removals.map(({ table, chains }) => `${chains} chains of the ${program} table ${table}`)
}
