import { fileURLToPath } from 'node:url'

/**
 * Upstream's layouts of rules, each as a dataplane: the same core, the same events, only the program is what kube-proxy
 * would hand to the kernel. So a difference is the layout's, and nothing else's. By name, the module's path.
 */
export const baselines: Readonly<Record<string, string>> = {
  'upstream-nftables': fileURLToPath(new URL('./upstream-nftables.ts', import.meta.url)),
  'upstream-iptables': fileURLToPath(new URL('./upstream-iptables.ts', import.meta.url)),
}
