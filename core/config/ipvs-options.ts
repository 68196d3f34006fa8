import type { KubeProxyValues } from './kube-proxy-fields.ts'

/** What kube-proxy's fields for IPVS are among the options of the dataplane ipvs; not set: left to the dataplane. */
export function ipvsOptions(kubeProxy: KubeProxyValues): Readonly<Record<string, string>> {
  const options: readonly [string, string][] = [
    ['scheduler', kubeProxy['ipvs.scheduler']],
    ['exclude-cidrs', kubeProxy['ipvs.excludeCIDRs'].join(',')],
    ['tcp-timeout', seconds(kubeProxy['ipvs.tcpTimeout'])],
    ['tcpfin-timeout', seconds(kubeProxy['ipvs.tcpFinTimeout'])],
    ['udp-timeout', seconds(kubeProxy['ipvs.udpTimeout'])],
  ]
  return Object.fromEntries(options.filter(([, value]) => value !== ''))
}

function seconds(milliseconds: number): string {
  return milliseconds === 0 ? '' : String(Math.ceil(milliseconds / 1000))
}
