import type { ApiObject } from '@portolan/api-server'
import type { ClusterRecord } from '@portolan/core/cluster'
import { recordObject } from '@portolan/core/source'

const serviceWeight = {
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(320) },
  managedFields: [{ manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:spec': 'x'.repeat(450) } }],
}
const sliceWeight = {
  annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-02T03:04:05Z' },
  managedFields: [
    { manager: 'controller', operation: 'Update', fieldsV1: { 'f:endpoints': 'x'.repeat(600) } },
  ],
}
const targetRef = { kind: 'Pod', namespace: 'x'.repeat(12), name: 'x'.repeat(24), uid: 'x'.repeat(36) }

/**
 * A recorded object as an API server would have it: about as large, with what a proxy doesn't look at and has to read
 * nevertheless. A recording holds none of that, because it may hold secrets.
 */
export function servedObject(record: ClusterRecord): ApiObject {
  const object = recordObject(record)
  switch (record.kind) {
    case 'Service':
      return { ...object, metadata: { ...object.metadata, ...serviceWeight } }
    case 'EndpointSlice':
      return {
        ...object,
        metadata: { ...object.metadata, ...sliceWeight },
        endpoints: (object.endpoints as readonly object[]).map((endpoint) => ({ ...endpoint, targetRef })),
      }
    default:
      return object
  }
}
