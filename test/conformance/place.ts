import type { IpFamily } from '@portolan/core'
import { podAddress, remotePodAddress } from '@portolan/lab'

/**
 * What one case has for itself, so that many cases share one table and none can be taken for another: addresses,
 * a NodePort, and target ports. An answer from a wrong Service's endpoint comes from a wrong port.
 */
export interface Place {
  /** Service and slice name: `case-7`. */
  readonly name: string
  readonly clusterIP: Readonly<Record<IpFamily, string>>
  readonly externalIP: Readonly<Record<IpFamily, string>>
  readonly loadBalancerIP: Readonly<Record<IpFamily, string>>
  readonly nodePort: number
  readonly targetPort: number
}

/** The port of every Service at its ClusterIP, external and load balancer addresses. */
export const servicePort = 80

/** A port that no Service has; what leaks there is answered by the lab's internet (see the lab). */
export const otherPort = 81

export const serviceCidrs: Readonly<Record<IpFamily, string>> = {
  IPv4: '10.96.0.0/16',
  IPv6: 'fd00:10:96::/112',
}

export const unallocatedClusterIP: Readonly<Record<IpFamily, string>> = {
  IPv4: '10.96.255.254',
  IPv6: 'fd00:10:96::fffe',
}

/** An external IP that two cases claim. */
export const contestedExternalIP: Readonly<Record<IpFamily, string>> = {
  IPv4: '198.18.200.1',
  IPv6: 'fd00:198:18::c801',
}

/** The place of case number 0 to 999. */
export function place(number: number): Place {
  const [high, low] = [(number + 1) >> 8, (number + 1) & 255]
  const hex = (number + 1).toString(16)
  return {
    name: `case-${number}`,
    clusterIP: { IPv4: `10.96.${high}.${low}`, IPv6: `fd00:10:96::${hex}` },
    externalIP: { IPv4: `198.18.${high}.${low}`, IPv6: `fd00:198:18::${hex}` },
    loadBalancerIP: { IPv4: `198.19.${high}.${low}`, IPv6: `fd00:198:19::${hex}` },
    nodePort: 30_000 + number,
    targetPort: 10_000 + number * 4,
  }
}

/** Pods of the lab that are endpoints: `pod0` and `pod1` are on this node, `remote<n>` on the other one. */
export type EndpointHost = 'pod0' | 'pod1' | `remote${number}`

export function isLocalHost(host: EndpointHost): boolean {
  return host.startsWith('pod')
}

export function addressOf(host: EndpointHost, family: IpFamily): string {
  return isLocalHost(host)
    ? podAddress(family, Number(host.slice('pod'.length)))
    : remotePodAddress(family, Number(host.slice('remote'.length)))
}
