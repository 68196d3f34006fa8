import { closedForwards } from '../node/closed-forwards.ts'
import { kubeProxyAtWork } from '../node/kube-proxy-at-work.ts'
import { removeKubeProxyRules } from '../node/kube-proxy-removal.ts'
import { type KubeProxyLayout, kubeProxyLayouts, kubeProxyRules } from '../node/kube-proxy-rules.ts'
import { toSee } from '../node/kube-proxy-watch.ts'
import type { Found, Predecessor } from './predecessors.ts'

/** kube-proxy, whose rules stand on this node. Changes nothing. */
export async function findKubeProxy(): Promise<Found> {
  const rules = await kubeProxyRules()
  const unseen = kubeProxyLayouts
    .filter((layout) => rules[layout] === undefined)
    .map((layout) => `kube-proxy, by ${layout} (${toSee[layout]})`)
  const layouts = kubeProxyLayouts.filter((layout) => (rules[layout] ?? []).length > 0)
  const remains = layouts.flatMap((layout) => rules[layout] ?? [])
  return { predecessors: remains.length === 0 ? [] : [kubeProxy(layouts, remains)], unseen }
}

/** @param layouts in which there is something */
function kubeProxy(layouts: readonly KubeProxyLayout[], remains: readonly string[]): Predecessor {
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
        const rules = await kubeProxyRules()
        const untold = layouts.filter((layout) => rules[layout] === undefined)
        if (untold.length > 0)
          throw new Error(`what there is by ${untold.join(' and ')} can't be told at the moment`)
        return { removed: await removeKubeProxyRules(rules) }
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
