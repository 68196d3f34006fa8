import type { ApiObject } from '@portolan/api-server'
import { network, podAddress, remotePodAddress } from '@portolan/lab'

/** The cluster that the demo shows, at the lab's addresses: two nodes, four Services of a small shop. */

export const thisNode = 'node-a'
const otherNode = 'node-b'
const namespace = 'shop'

/** One pod behind a Service. */
export interface PodEndpoint {
  readonly address: string
  readonly nodeName: string
}

export const pods = {
  local0: { address: podAddress('IPv4', 0), nodeName: thisNode },
  local1: { address: podAddress('IPv4', 1), nodeName: thisNode },
  remote0: { address: remotePodAddress('IPv4', 0), nodeName: otherNode },
  remote1: { address: remotePodAddress('IPv4', 1), nodeName: otherNode },
} as const satisfies Record<string, PodEndpoint>

export const targetPort = 8080

/** Where the Services answer. */
export const destinations = {
  web: { address: '10.96.0.10', port: 80 },
  webNodePort: { address: network.IPv4.node.uplink, port: 30080 },
  checkout: { address: '203.0.113.10', port: 443 },
  cart: { address: '10.96.0.30', port: 80 },
  search: { address: '10.96.0.40', port: 80 },
} as const

export function sampleObjects(): ApiObject[] {
  return [
    node(thisNode, 'zone-1', network.IPv4.node.uplink, network.IPv4.podCidr),
    node(otherNode, 'zone-2', network.IPv4.remote, network.IPv4.remotePodCidr),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes' },
      spec: { cidrs: ['10.96.0.0/16'] },
    },
    service('web', destinations.web.address, {
      type: 'NodePort',
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort, nodePort: destinations.webNodePort.port },
      ],
    }),
    slice('web', [pods.local0, pods.remote0]),
    service(
      'checkout',
      '10.96.0.20',
      {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        ports: [{ name: 'http', protocol: 'TCP', port: destinations.checkout.port, targetPort }],
      },
      { loadBalancer: { ingress: [{ ip: destinations.checkout.address }] } },
    ),
    slice('checkout', [pods.local1, pods.remote1]),
    service('cart', destinations.cart.address, {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort }],
    }),
    slice('cart', [pods.local0, pods.local1, pods.remote0, pods.remote1]),
    service('search', destinations.search.address, {
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort }],
    }),
    slice('search', []),
  ]
}

/** The EndpointSlice of a Service with these pods ready. */
export function slice(serviceName: string, endpoints: readonly PodEndpoint[]): ApiObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${serviceName}-1`,
      labels: { 'kubernetes.io/service-name': serviceName },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: targetPort }],
    endpoints: endpoints.map(({ address, nodeName }) => ({
      addresses: [address],
      nodeName,
      conditions: { ready: true, serving: true, terminating: false },
    })),
  }
}

function service(name: string, clusterIP: string, spec: Record<string, unknown>, status = {}): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      selector: { app: name },
      ...spec,
    },
    status,
  }
}

function node(name: string, zone: string, address: string, podCidr: string): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
    spec: { podCIDRs: [podCidr] },
    status: { addresses: [{ type: 'InternalIP', address }] },
  }
}
