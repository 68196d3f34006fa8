import type { KubeProxyPath } from './kube-proxy-fields.ts'
import type { PortolanPath } from './portolan-fields.ts'

/**
 * kube-proxy's flags (SEMANTICS 18), and a few shorter names beside them, with the fields that they set. Where two flags
 * set one field and disagree, the first one is told.
 */
export const kubeProxyFlags = {
  'feature-gates': ['featureGates'],
  kubeconfig: ['clientConnection.kubeconfig'],
  'kube-api-content-type': ['clientConnection.contentType'],
  'kube-api-qps': ['clientConnection.qps'],
  'kube-api-burst': ['clientConnection.burst'],
  node: ['hostnameOverride'],
  'hostname-override': ['hostnameOverride'],
  'bind-address': ['bindAddress'],
  'healthz-bind-address': ['healthzBindAddress'],
  'metrics-bind-address': ['metricsBindAddress'],
  'bind-address-hard-fail': ['bindAddressHardFail'],
  profiling: ['enableProfiling'],
  'show-hidden-metrics-for-version': ['showHiddenMetricsForVersion'],
  'proxy-mode': ['mode'],
  'masquerade-bit': ['iptables.masqueradeBit', 'nftables.masqueradeBit'],
  'iptables-masquerade-bit': ['iptables.masqueradeBit', 'nftables.masqueradeBit'],
  'masquerade-all': ['iptables.masqueradeAll', 'nftables.masqueradeAll'],
  'iptables-localhost-nodeports': ['iptables.localhostNodePorts'],
  'iptables-sync-period': ['iptables.syncPeriod', 'nftables.syncPeriod'],
  'min-sync-period': ['iptables.minSyncPeriod', 'nftables.minSyncPeriod', 'ipvs.minSyncPeriod'],
  'iptables-min-sync-period': ['iptables.minSyncPeriod', 'nftables.minSyncPeriod'],
  'ipvs-sync-period': ['ipvs.syncPeriod'],
  'ipvs-min-sync-period': ['ipvs.minSyncPeriod'],
  'ipvs-scheduler': ['ipvs.scheduler'],
  'ipvs-exclude-cidrs': ['ipvs.excludeCIDRs'],
  'ipvs-strict-arp': ['ipvs.strictARP'],
  'ipvs-tcp-timeout': ['ipvs.tcpTimeout'],
  'ipvs-tcpfin-timeout': ['ipvs.tcpFinTimeout'],
  'ipvs-udp-timeout': ['ipvs.udpTimeout'],
  'detect-local-mode': ['detectLocalMode'],
  'pod-bridge-interface': ['detectLocal.bridgeInterface'],
  'pod-interface-name-prefix': ['detectLocal.interfaceNamePrefix'],
  'cluster-cidr': ['clusterCIDR'],
  'nodeport-addresses': ['nodePortAddresses'],
  'oom-score-adj': ['oomScoreAdj'],
  'conntrack-max-per-core': ['conntrack.maxPerCore'],
  'conntrack-min': ['conntrack.min'],
  'conntrack-tcp-timeout-established': ['conntrack.tcpEstablishedTimeout'],
  'conntrack-tcp-timeout-close-wait': ['conntrack.tcpCloseWaitTimeout'],
  'conntrack-tcp-be-liberal': ['conntrack.tcpBeLiberal'],
  'conntrack-udp-timeout': ['conntrack.udpTimeout'],
  'conntrack-udp-timeout-stream': ['conntrack.udpStreamTimeout'],
  'config-sync-period': ['configSyncPeriod'],
  v: ['logging.verbosity'],
  vmodule: ['logging.vmodule'],
  'logging-format': ['logging.format'],
  'log-flush-frequency': ['logging.flushFrequency'],
  'log-text-split-stream': ['logging.options.text.splitStream'],
  'log-text-info-buffer-size': ['logging.options.text.infoBufferSize'],
  'log-json-split-stream': ['logging.options.json.splitStream'],
  'log-json-info-buffer-size': ['logging.options.json.infoBufferSize'],
} as const satisfies Readonly<Record<string, readonly KubeProxyPath[]>>

/** Flags of Portolan's own settings. */
export const portolanFlags = {
  dataplane: ['dataplane'],
  'dataplane-option': ['dataplaneOptions'],
  'startup-taint': ['startupTaint'],
  'audit-period': ['auditPeriod'],
  'take-over': ['takeOver'],
  'drain-timeout': ['drainTimeout'],
  'log-level': ['logLevel'],
} as const satisfies Readonly<Record<string, readonly PortolanPath[]>>

/** Flags that set no field of a configuration. */
export const commandFlags = {
  config:
    'read the settings from this file instead; of the flags of kube-proxy only those marked with * count then',
  'write-config-to': 'write the settings, flags among them, to this file, and exit',
  cleanup: "remove everything that Portolan made in this kernel, and exit; the same as 'portolan cleanup'",
  'init-only': 'set the sysctls of connection tracking, which takes a privileged process, and exit',
  master: "URL of the API server, in place of the kubeconfig's or the pod's own",
  'healthz-port':
    "port of /healthz where its address doesn't say one; 0: not served. Deprecated in kube-proxy",
  'metrics-port':
    "port of /metrics where its address doesn't say one; 0: not served. Deprecated in kube-proxy",
  source:
    'file:PATH: Service, EndpointSlice and Node objects in YAML or JSON; recording:PATH: what portolan record wrote',
  'recording-speed': 'speed at which a recording is replayed, as a factor',
} as const

/** kube-proxy's flags that count beside --config (SEMANTICS 18). Portolan's own always do. */
export const flagsBesideFile: ReadonlySet<string> = new Set([
  ...['node', 'hostname-override', 'master', 'v', 'vmodule', 'logging-format', 'log-flush-frequency'],
  ...[
    'log-text-split-stream',
    'log-text-info-buffer-size',
    'log-json-split-stream',
    'log-json-info-buffer-size',
  ],
  ...['source', 'recording-speed', 'config', 'write-config-to', 'cleanup', 'init-only'],
])

export type FlagName = keyof typeof kubeProxyFlags | keyof typeof portolanFlags | keyof typeof commandFlags

type CamelCase<Name extends string> = Name extends `${infer Word}-${infer Rest}`
  ? `${Word}${Capitalize<CamelCase<Rest>>}`
  : Name

/** The flags as written on the command line, by their names in camel case; absent: not given; true: without a value. */
export type Flags = {
  readonly [Name in Exclude<FlagName, 'dataplane-option'> as CamelCase<Name>]?: string | boolean
} & { readonly dataplaneOption?: readonly string[] }

/** `hostnameOverride` of `hostname-override`. */
export function camelCase(name: string): string {
  return name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** What stands after the flag; undefined: it isn't given. */
export function flagTexts(flags: Flags, name: string): readonly string[] {
  const value = (flags as Readonly<Record<string, string | boolean | readonly string[] | undefined>>)[
    camelCase(name)
  ]
  if (value === undefined) return []
  return typeof value === 'object' ? value : [String(value)]
}
