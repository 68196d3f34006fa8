import type { ResolvedConfig } from './resolve-config.ts'

/** Why a field of KubeProxyConfiguration decides nothing beside what else is set; `undefined`: it does. */
export function unusedBecause(
  path: string,
  { config, portolan, section }: ResolvedConfig,
): string | undefined {
  const [group = '', name = ''] = path.split('.')
  const { mode } = config.podDetection
  const isModeOfPods = mode === 'BridgeInterface' || mode === 'InterfaceNamePrefix' ? mode : undefined
  switch (path) {
    case 'clusterCIDR':
      return mode === 'ClusterCIDR' ? undefined : `detectLocalMode is ${mode}`
    case 'detectLocal.bridgeInterface':
      return isModeOfPods === 'BridgeInterface' ? undefined : `detectLocalMode is ${mode}`
    case 'detectLocal.interfaceNamePrefix':
      return isModeOfPods === 'InterfaceNamePrefix' ? undefined : `detectLocalMode is ${mode}`
    case 'clientConnection.kubeconfig':
      return config.source.from === 'kubeconfig' ? undefined : '--source is given'
    case 'conntrack.min':
      return config.conntrack.maxPerCore > 0 ? undefined : 'conntrack.maxPerCore is 0'
    case 'logging.verbosity':
      return portolan.logLevel === '' ? undefined : 'logLevel is set'
  }
  switch (name) {
    case 'syncPeriod':
    case 'minSyncPeriod':
      return group === section ? undefined : `the mode is ${section}`
    case 'masqueradeAll':
    case 'masqueradeBit':
      return group === (section === 'nftables' ? section : 'iptables') ? undefined : `the mode is ${section}`
  }
  const isOther = (group === 'iptables' || group === 'ipvs') && config.dataplane !== group
  return isOther ? `the dataplane is ${config.dataplane}` : undefined
}
