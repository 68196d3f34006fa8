import { familyOf, parseCidr } from '../network/address.ts'
import { type ConfigProblem, problemOf } from './config-error.ts'
import type { GivenValues } from './field.ts'
import { splitList } from './field-kind.ts'
import type { KubeProxyValues } from './kube-proxy-fields.ts'
import type { PodDetection, PodDetectionMode } from './proxy-config.ts'

/** @param problems takes what the mode lacks */
export function podDetection(
  kubeProxy: KubeProxyValues,
  given: GivenValues,
  problems: ConfigProblem[],
): PodDetection {
  const mode: PodDetectionMode = kubeProxy.detectLocalMode || 'ClusterCIDR'
  // Checked in every mode: a broken value is a mistake even where it has no effect.
  const cidrs = splitList(kubeProxy.clusterCIDR).flatMap((part) => parseCidr(part) ?? [])
  const [first, second] = cidrs
  const isPair = first !== undefined && second !== undefined && familyOf(first) !== familyOf(second)
  if (cidrs.length > 2 || (cidrs.length === 2 && !isPair)) {
    const cause = given.get('clusterCIDR') ?? { setting: 'clusterCIDR', text: kubeProxy.clusterCIDR }
    problems.push(problemOf(cause, 'give one CIDR, or a dual-stack pair: one IPv4 and one IPv6'))
  }
  switch (mode) {
    case 'ClusterCIDR':
      return { mode, cidrs }
    case 'NodeCIDR':
      return { mode }
    case 'BridgeInterface':
      return { mode, name: needed('detectLocal.bridgeInterface', '--pod-bridge-interface') }
    case 'InterfaceNamePrefix':
      return { mode, prefix: needed('detectLocal.interfaceNamePrefix', '--pod-interface-name-prefix') }
  }

  function needed(
    path: 'detectLocal.bridgeInterface' | 'detectLocal.interfaceNamePrefix',
    flag: string,
  ): string {
    const name = kubeProxy[path]
    if (name !== '') return name
    const cause = given.get('detectLocalMode')
    if (cause?.at === undefined) problems.push({ setting: flag, fix: `--detect-local-mode ${mode} needs it` })
    else problems.push({ at: cause.at, setting: path, fix: `detectLocalMode ${mode} needs it` })
    return ''
  }
}
