import type { ApiObject } from '@portolan/api-server'
import { thisNode } from './probe-services.ts'

/** Services beside the cluster's own that exist while one scenario measures the data path. */

/** Where a pod takes a flow. */
export const flowPort = 9000

/** Leads to a pod of this node, without a masquerade. */
export const nodePortService = {
  nodePort: 30_080,
  objects: (pod: string): ApiObject[] => [
    {
      kind: 'Service',
      metadata: { namespace: 'bench', name: 'flow', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        clusterIP: '10.95.3.1',
        clusterIPs: ['10.95.3.1'],
        ipFamilies: ['IPv4'],
        ports: [{ name: 'flow', protocol: 'TCP', port: flowPort, targetPort: flowPort, nodePort: 30_080 }],
      },
      status: { loadBalancer: {} },
    },
    sliceOf('flow', pod, { name: 'flow', protocol: 'TCP', port: flowPort }),
  ],
}

/** Leads to a pod of the remote node. */
export const udpService = {
  clusterIP: '10.95.3.2',
  port: 80,
  objects: (pod: string): ApiObject[] => [
    {
      kind: 'Service',
      metadata: { namespace: 'bench', name: 'datagrams', creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.95.3.2',
        clusterIPs: ['10.95.3.2'],
        ipFamilies: ['IPv4'],
        ports: [{ name: 'datagrams', protocol: 'UDP', port: 80, targetPort: 8080 }],
      },
      status: { loadBalancer: {} },
    },
    sliceOf('datagrams', pod, { name: 'datagrams', protocol: 'UDP', port: 8080 }),
  ],
}

function sliceOf(name: string, address: string, port: object): ApiObject {
  return {
    kind: 'EndpointSlice',
    metadata: { namespace: 'bench', name: `${name}-0`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: [address],
        nodeName: name === 'flow' ? thisNode : 'another-node',
        conditions: { ready: true },
      },
    ],
    ports: [port],
  }
}
