import { parseAddress } from '../network/address.ts'
import { specialRange } from '../network/special-addresses.ts'
import type { ConfigDocument } from './config-document.ts'
import { ConfigError, type ConfigProblem, problemOf } from './config-error.ts'
import type { Flags } from './config-flags.ts'
import type { ConfigNote } from './config-note.ts'
import { type GivenValues, toDocument, valuesOf } from './field.ts'
import { ipvsOptions } from './ipvs-options.ts'
import { type KubeProxyValues, kubeProxyFields } from './kube-proxy-fields.ts'
import { isNodePortWord, nodePortPolicy } from './node-port-ranges.ts'
import { podDetection } from './pod-detection.ts'
import { type PortolanValues, portolanFields } from './portolan-fields.ts'
import type { KubeProxyConfiguration, LogLevel, ProxyConfig, ServersConfig } from './proxy-config.ts'
import { readFlags } from './read-flags.ts'
import { serversConfig } from './servers-config.ts'
import { printSocketAddress } from './socket-address.ts'
import { type Environment, readSource } from './source-config.ts'

/** Everything that was said, and what it comes to. */
export interface ResolvedConfig {
  readonly config: ProxyConfig
  readonly kubeProxy: KubeProxyValues
  readonly portolan: PortolanValues
  /** What was given of either, by the path of the field. */
  readonly given: GivenValues
  /** kube-proxy's mode that the settings are read as: whose syncPeriod, minSyncPeriod and masqueradeAll count. */
  readonly section: Section
  /** What was given and is not read. */
  readonly notes: readonly ConfigNote[]
}

export type Section = 'iptables' | 'ipvs' | 'nftables'

/**
 * What the command line and a file come to, by kube-proxy's rules: beside a file only some of its flags count.
 *
 * @param file absent: there is none
 * @throws {ConfigError} naming everything that can't be used
 */
export function resolveConfig(flags: Flags, environment: Environment, file?: ConfigDocument): ResolvedConfig {
  const problems: ConfigProblem[] = [...(file?.problems ?? [])]
  const said = readFlags(flags, file !== undefined, problems)
  const given: GivenValues = new Map([
    ...(file?.kubeProxy ?? []),
    ...(file?.portolan ?? []),
    ...said.kubeProxy,
    ...said.portolan,
  ])
  const kubeProxy = valuesOf(kubeProxyFields, given)
  const portolan = valuesOf(portolanFields, given)
  const chosen = chooseDataplane(kubeProxy.mode, portolan.dataplane, file?.hasKubeProxy === true)
  const context: Context = { flags, kubeProxy, portolan, given, problems, ...chosen }
  // A file that can't be read whole may name the cluster.
  const mayNameCluster = file !== undefined && file.problems.length > 0
  const config = proxyConfig(context, mayNameCluster ? { inCluster: true } : environment, file !== undefined)
  if (problems.length > 0) throw new ConfigError(problems)
  const unheeded = said.unheeded.map(
    ({ setting, fields }) =>
      ({
        kind: 'flag',
        setting,
        why: `not read beside --config, as in kube-proxy: write ${fields.join(' or ')} into the file`,
      }) as const,
  )
  return {
    config,
    kubeProxy,
    portolan,
    given,
    section: chosen.section,
    notes: [...(file?.notes ?? []), ...unheeded],
  }
}

interface Context {
  readonly flags: Flags
  readonly kubeProxy: KubeProxyValues
  readonly portolan: PortolanValues
  readonly given: GivenValues
  readonly problems: ConfigProblem[]
  readonly dataplane: string
  readonly section: Section
}

/**
 * mode says what the rest of a KubeProxyConfiguration means, and the dataplane what programs the kernel: kube-proxy's
 * configuration for iptables is honoured by any dataplane. A KubeProxyConfiguration without a mode means iptables, as to
 * kube-proxy 1.37.
 */
function chooseDataplane(
  mode: KubeProxyValues['mode'],
  named: string,
  hasKubeProxy: boolean,
): { readonly dataplane: string; readonly section: Section } {
  const meant = mode === '' ? (hasKubeProxy ? 'iptables' : named) : mode
  const section = meant === 'iptables' || meant === 'ipvs' ? meant : 'nftables'
  return { dataplane: named === '' ? meant || 'nftables' : named, section }
}

function proxyConfig(context: Context, environment: Environment, hasFile: boolean): ProxyConfig {
  const { flags, kubeProxy, portolan, given, problems, dataplane, section } = context
  const nodeName = kubeProxy.hostnameOverride.trim()
  const bindAddress = parseAddress(kubeProxy.bindAddress)
  // kube-proxy's default means "any", and tells nothing about this node.
  const isTold = bindAddress !== undefined && specialRange(bindAddress) !== 'unspecified'
  const marks = section === 'nftables' ? section : 'iptables'
  const periods = checkPeriods(context)
  const nodePorts =
    kubeProxy.nodePortAddresses.length > 0 || section !== 'nftables'
      ? kubeProxy.nodePortAddresses
      : ['primary']
  const servers = serversConfig(kubeProxy, hasFile ? {} : flags, given, problems)
  checkWords(context)
  return {
    source: readSource(kubeProxy, flags, environment, given, problems),
    ...(nodeName === '' ? {} : { nodeName }),
    dataplane,
    dataplaneSettings: {
      ...(dataplane === 'ipvs' ? ipvsOptions(kubeProxy) : {}),
      ...portolan.dataplaneOptions,
    },
    ...(isTold ? { bindAddress } : {}),
    podDetection: podDetection(kubeProxy, given, problems),
    nodePortAddresses: nodePortPolicy(nodePorts),
    masqueradeAll: kubeProxy[`${marks}.masqueradeAll`],
    masqueradeBit: kubeProxy[`${marks}.masqueradeBit`],
    ...periods,
    auditPeriod: portolan.auditPeriod,
    startupTaint: portolan.startupTaint,
    takeOver: portolan.takeOver,
    drainTimeout: portolan.drainTimeout,
    localhostNodePorts: kubeProxy['iptables.localhostNodePorts'],
    servers,
    oomScoreAdj: kubeProxy.oomScoreAdj,
    conntrack: {
      maxPerCore: kubeProxy['conntrack.maxPerCore'],
      min: kubeProxy['conntrack.min'],
      tcpEstablishedTimeout: kubeProxy['conntrack.tcpEstablishedTimeout'],
      tcpCloseWaitTimeout: kubeProxy['conntrack.tcpCloseWaitTimeout'],
      udpTimeout: kubeProxy['conntrack.udpTimeout'],
      udpStreamTimeout: kubeProxy['conntrack.udpStreamTimeout'],
      tcpBeLiberal: kubeProxy['conntrack.tcpBeLiberal'],
    },
    logLevel: logLevel(kubeProxy, portolan),
    kubeProxyConfiguration: inForce(context, nodePorts, servers),
  }
}

/** klog's levels from 4 on are for those who look for a fault. */
function logLevel(kubeProxy: KubeProxyValues, { logLevel: named }: PortolanValues): LogLevel {
  if (named !== '') return named
  return kubeProxy['logging.verbosity'] >= 4 ? 'debug' : 'info'
}

/** Those of the section, where the first may not be shorter than the second. */
function checkPeriods({ kubeProxy, given, problems, section }: Context) {
  const syncPeriod = kubeProxy[`${section}.syncPeriod`]
  const minSyncPeriod = kubeProxy[`${section}.minSyncPeriod`]
  const cause = given.get(`${section}.minSyncPeriod`) ?? given.get(`${section}.syncPeriod`)
  if (minSyncPeriod > syncPeriod && cause !== undefined) {
    const fix = `the minimum is longer than the period itself, ${section}.syncPeriod: make one shorter or the other longer`
    problems.push(problemOf(cause, fix))
  }
  return { syncPeriod, minSyncPeriod }
}

/** kube-proxy refuses a word that is there twice. */
function checkWords({ kubeProxy, given, problems }: Context): void {
  const items = kubeProxy.nodePortAddresses
  const twice = items.find((item, index) => isNodePortWord(item) && items.indexOf(item) < index)
  const cause = given.get('nodePortAddresses')
  if (twice === undefined || cause === undefined) return
  problems.push(problemOf({ ...cause, text: twice }, 'it is there twice: write it once'))
}

/** The KubeProxyConfiguration with what its empty fields come to. */
function inForce(
  { kubeProxy, dataplane }: Context,
  nodePortAddresses: readonly string[],
  { healthz, metrics }: ServersConfig,
): KubeProxyConfiguration {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...toDocument(kubeProxyFields, {
      ...kubeProxy,
      mode: dataplane,
      nodePortAddresses,
      detectLocalMode: kubeProxy.detectLocalMode || 'ClusterCIDR',
      healthzBindAddress: healthz === undefined ? '' : printSocketAddress(healthz),
      metricsBindAddress: metrics === undefined ? '' : printSocketAddress(metrics),
    }),
  }
}
