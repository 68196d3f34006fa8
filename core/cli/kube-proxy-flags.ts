/**
 * What an operator who comes from kube-proxy writes instead of those of its flags that aren't understood here. Flags of
 * the same name mean the same (`core/config/flags.ts`) and aren't listed.
 */
const instead: Readonly<Record<string, string>> = {
  '--proxy-mode': 'write --dataplane nftables, iptables, ipvs or ebpf',
  '--cleanup': 'run portolan cleanup --dataplane NAME',
  '--config': 'files of configuration are not read: give their settings as flags',
  '--master': 'name the API server in a kubeconfig: --kubeconfig FILE',
  '-v': 'write --log-level debug, info, warn or error',
  '--v': 'write --log-level debug, info, warn or error',
  '--iptables-min-sync-period': 'write --min-sync-period; without it every change is applied at once',
  '--ipvs-min-sync-period': 'write --min-sync-period; without it every change is applied at once',
  '--iptables-sync-period': 'write --audit-period; without it drift is checked for every second',
  '--ipvs-sync-period': 'write --audit-period; without it drift is checked for every second',
  '--config-sync-period': 'leave it out: the API server is watched, and never listed again in intervals',
  '--iptables-localhost-nodeports': 'write --dataplane iptables --nodeport-addresses 127.0.0.0/8,...',
  '--ipvs-scheduler': 'write --dataplane ipvs --dataplane-option scheduler=NAME',
  '--ipvs-exclude-cidrs': 'write --dataplane ipvs --dataplane-option exclude-cidrs=CIDRS',
  '--ipvs-tcp-timeout': 'write --dataplane ipvs --dataplane-option tcp-timeout=SECONDS',
  '--ipvs-tcpfin-timeout': 'write --dataplane ipvs --dataplane-option tcpfin-timeout=SECONDS',
  '--ipvs-udp-timeout': 'write --dataplane ipvs --dataplane-option udp-timeout=SECONDS',
  '--ipvs-strict-arp': 'leave it out: no address of a Service is ever answered for by ARP',
  '--healthz-bind-address': 'leave it out: no health port is served',
  '--healthz-port': 'leave it out: no health port is served',
  '--metrics-bind-address': 'leave it out: no metrics are served',
  '--metrics-port': 'leave it out: no metrics are served',
  '--conntrack-max-per-core': "leave it out: conntrack's sysctls are left as they are",
  '--conntrack-min': "leave it out: conntrack's sysctls are left as they are",
  '--conntrack-tcp-timeout-established': "leave it out: conntrack's sysctls are left as they are",
  '--conntrack-tcp-timeout-close-wait': "leave it out: conntrack's sysctls are left as they are",
}

/**
 * A line that follows commander's complaint about a flag of kube-proxy's; '' for any other complaint.
 *
 * @param complaint such as `error: unknown option '--proxy-mode=ipvs'`
 */
export function kubeProxyHint(complaint: string): string {
  const flag = /unknown option '(--?[^'=]+)/.exec(complaint)?.[1]
  if (flag === undefined || !Object.hasOwn(instead, flag)) return ''
  return `  kube-proxy's ${flag}: ${instead[flag]}\n`
}
