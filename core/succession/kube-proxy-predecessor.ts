import { closedForwards } from '../node/closed-forwards.ts'
import { kubeProxyAtWork } from '../node/kube-proxy-at-work.ts'
import { removeKubeProxyRules } from '../node/kube-proxy-removal.ts'
import { type KubeProxyLayout, kubeProxyLayouts, kubeProxyRules } from '../node/kube-proxy-rules.ts'
import type { Predecessor } from './predecessors.ts'

/** kube-proxy, whose rules stand on this node; `undefined`: there are none. Changes nothing. */
export async function findKubeProxy(): Promise<Predecessor | undefined> {
  const rules = await kubeProxyRules()
  const remains = Object.values(rules).flatMap((found) => found ?? [])
  if (remains.length === 0) return undefined
  const layouts = kubeProxyLayouts.filter((layout) => (rules[layout] ?? []).length > 0)
  return {
    name: 'kube-proxy',
    title: 'kube-proxy',
    goBack: "end this process, and run 'portolan cleanup' once kube-proxy serves again",
    remains,
    atWork: () => kubeProxyAtWork(),
    obstacle: ({ connections }) => obstacle(layouts, connections),
    closedForwards: () => closedForwards('KUBE-FORWARD'),
    dataplane: {
      // What it loses to which dataplane is what `portolan check` tells.
      capabilities: { families: ['IPv4', 'IPv6'], protocols: [], connections: 'conntrack', gaps: {} },
      async cleanup() {
        // What there is by now: it may have gone on until a moment ago.
        return { removed: await removeKubeProxyRules(await kubeProxyRules()) }
      },
    },
  }
}

/** Why it can't be taken over from; `undefined`: it can. */
function obstacle(
  layouts: readonly KubeProxyLayout[],
  connections: 'conntrack' | undefined,
): string | undefined {
  if (layouts.includes('ipvs'))
    return (
      'it is in mode ipvs, whose connections nobody else goes on with: drain the node, stop kube-proxy, run ' +
      "'kube-proxy --cleanup' there"
    )
  if (connections === undefined)
    return (
      'its established connections need connection tracking, which this dataplane has not: take over with --dataplane ' +
      'nftables, and change to this one then'
    )
  return undefined
}
