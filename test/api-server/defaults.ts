import type { ApiObject } from './api-object.ts'

type Fields = Readonly<Record<string, unknown>>

/**
 * What kube-apiserver fills in for a Service or an EndpointSlice that a client writes, as far as a proxy looks at it.
 * Nothing is allocated: a ClusterIP or a node port is there if it was written. What isn't of the expected kind is kept,
 * so that broken objects can be served.
 */
export function withDefaults(object: ApiObject): ApiObject {
  if (object.kind === 'Service') {
    const { spec, status } = object
    return {
      ...object,
      ...(isFields(spec) ? { spec: serviceSpec(spec) } : {}),
      status: status ?? { loadBalancer: {} },
    }
  }
  if (object.kind === 'EndpointSlice')
    return { ...object, ports: withPortDefaults(object.ports, { name: '' }) }
  return object
}

function serviceSpec(spec: Fields): Fields {
  const type = spec.type ?? 'ClusterIP'
  if (type === 'ExternalName') return { sessionAffinity: 'None', ...spec }
  const isExternal = type === 'NodePort' || type === 'LoadBalancer'
  const affinity = spec.sessionAffinity ?? 'None'
  const { clusterIP } = spec
  return {
    type,
    internalTrafficPolicy: 'Cluster',
    ...(isExternal ? { externalTrafficPolicy: 'Cluster' } : {}),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
    sessionAffinity: affinity,
    ...(affinity === 'ClientIP' ? { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } } : {}),
    ...(typeof clusterIP === 'string' && clusterIP !== '' ? { clusterIPs: [clusterIP] } : {}),
    ...spec,
    ...(spec.ports === undefined ? {} : { ports: withTargetPorts(withPortDefaults(spec.ports, {})) }),
  }
}

function withPortDefaults(ports: unknown, more: Fields): unknown {
  if (!Array.isArray(ports)) return ports
  return ports.map((port) => (isFields(port) ? { ...more, protocol: 'TCP', ...port } : port))
}

function withTargetPorts(ports: unknown): unknown {
  if (!Array.isArray(ports)) return ports
  return ports.map((port) => (isFields(port) ? { targetPort: port.port, ...port } : port))
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
