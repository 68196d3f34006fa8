import type { ApiObject } from '@portolan/api-server'

/** Clusters made for measuring, of any size, in the API's own words and about as large as there. */

export const endpointsPerSlice = 10

const portNames = ['http', 'https']
const servicePorts = [80, 443]
const targetPorts = [8080, 8443]

/**
 * Services with one EndpointSlice of 10 endpoints each.
 * @param ports of each Service: 1 or 2
 */
export function* generatedCluster(services: number, ports: number): Generator<ApiObject> {
  for (let index = 0; index < services; index++) {
    yield generatedService(index, ports)
    yield generatedSlice(index, ports, 0)
  }
}

/** As large as the API server's own: 1.6 KB for a Service, 3.8 KB for a slice of 10. */
export function generatedService(index: number, ports: number): ApiObject {
  const clusterIP = `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`
  const name = `svc-${index}`
  return {
    kind: 'Service',
    metadata: {
      name,
      namespace: `ns-${index % 100}`,
      labels: { app: name, team: `team-${index % 17}` },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(320) },
      managedFields: [{ manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:spec': 'x'.repeat(450) } }],
    },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      ports: portNames.slice(0, ports).map((port, at) => ({
        name: port,
        protocol: 'TCP',
        port: servicePorts[at],
        targetPort: targetPorts[at],
      })),
    },
    status: { loadBalancer: {} },
  }
}

/**
 * The slice of one Service.
 * @param change endpoint number 3 has another address for each value
 */
export function generatedSlice(index: number, ports: number, change: number): ApiObject {
  const name = `svc-${index}`
  return {
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-abcde`,
      namespace: `ns-${index % 100}`,
      labels: { 'kubernetes.io/service-name': name },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-02T03:04:05Z' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, controller: true }],
      managedFields: [
        { manager: 'controller', operation: 'Update', fieldsV1: { 'f:endpoints': 'x'.repeat(600) } },
      ],
    },
    addressType: 'IPv4',
    endpoints: Array.from({ length: endpointsPerSlice }, (_, position) => {
      const number = (index * endpointsPerSlice + position) & 0x3fffff
      const address =
        position === 3 && change > 0
          ? `11.${(change >> 16) & 255}.${(change >> 8) & 255}.${change & 255}`
          : `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
      return {
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `node-${number % 1000}`,
        zone: `zone-${number % 3}`,
        targetRef: {
          kind: 'Pod',
          namespace: `ns-${index % 100}`,
          name: `${name}-7d4b9c6f5-${number}`,
          uid: 'x'.repeat(36),
        },
      }
    }),
    ports: portNames
      .slice(0, ports)
      .map((port, at) => ({ name: port, protocol: 'TCP', port: targetPorts[at] })),
  }
}
