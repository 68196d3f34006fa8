import type { ApiObject } from '@portolan/api-server'
import { network, remotePodAddress } from '@portolan/lab'

/**
 * Services whose endpoints answer, in pods of the lab's remote node: the data path is measured by them. Their
 * namespaces put them first, in the middle and last in every order by name.
 */

export const probePort = 80
export const probeTargetPort = 8080
export const thisNode = 'node-under-test'

export const probeServices = {
  first: { namespace: 'aa', name: 'probe', clusterIP: '10.95.0.1' },
  middle: { namespace: 'ns-50', name: 'probe', clusterIP: '10.95.0.2' },
  last: { namespace: 'zz', name: 'probe', clusterIP: '10.127.255.254' },
} as const

export interface ProbeService {
  readonly namespace: string
  readonly name: string
  readonly clusterIP: string
}

export type ProbeName = keyof typeof probeServices

/** Their ClusterIPs where nothing else allocates them. */
export const probeAddresses = {
  first: probeServices.first.clusterIP,
  middle: probeServices.middle.clusterIP,
  last: probeServices.last.clusterIP,
} as const satisfies Record<ProbeName, string>

/** The pod of the remote node that a probe Service leads to at the start. */
export const probePod = 0

export function probeObjects(): ApiObject[] {
  return (Object.keys(probeServices) as ProbeName[]).flatMap((which) => [
    serviceOf(probeServices[which]),
    probeSlice(which, probePod),
  ])
}

/** Number 0 to 253 of the Services that come and go; where they lead to is like the others. */
export function addedProbeService(number: number): ProbeService {
  return { namespace: 'ns-50', name: `added-${number}`, clusterIP: `10.95.2.${number + 1}` }
}

export function addedProbeObjects(number: number): ApiObject[] {
  const probe = addedProbeService(number)
  return [serviceOf(probe), sliceOf(probe, probePod)]
}

function serviceOf({ namespace, name, clusterIP }: ProbeService): ApiObject {
  return {
    kind: 'Service',
    metadata: { namespace, name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: probePort, targetPort: probeTargetPort }],
    },
    status: { loadBalancer: {} },
  }
}

/** Its only endpoint is this pod of the remote node. */
export function probeSlice(which: ProbeName, pod: number): ApiObject {
  return sliceOf(probeServices[which], pod)
}

function sliceOf({ namespace, name }: ProbeService, pod: number): ApiObject {
  return {
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${name}-0`,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: [remotePodAddress('IPv4', pod)], conditions: { ready: true, serving: true } }],
    ports: [{ name: 'http', protocol: 'TCP', port: probeTargetPort }],
  }
}

/** The node that is measured. @param zone absent: none, so no endpoint's hint concerns it */
export function nodeObject(zone?: string): ApiObject {
  return {
    kind: 'Node',
    metadata: {
      name: thisNode,
      labels: zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone },
    },
    spec: { podCIDRs: [network.IPv4.podCidr] },
    status: { addresses: [{ type: 'InternalIP', address: network.IPv4.node.uplink }] },
  }
}
