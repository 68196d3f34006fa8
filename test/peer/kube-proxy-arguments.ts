/** kube-proxy's modes that make Services work on Linux. */
export const modes = ['nftables', 'iptables', 'ipvs'] as const
export type Mode = (typeof modes)[number]

/**
 * kube-proxy's arguments, with the places of `portolan bench --external-args`. All else is as kube-proxy has it by
 * default, but for sysctls of the whole machine, which are left alone.
 */
export function kubeProxyArguments(mode: Mode): readonly string[] {
  return [
    '--kubeconfig={kubeconfig}',
    '--hostname-override={node}',
    '--cluster-cidr={clusterCidr}',
    `--proxy-mode=${mode}`,
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]
}
