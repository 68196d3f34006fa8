import type { ApiObject } from '@portolan/api-server'

/** How large a generated cluster is. */
export interface ClusterShape {
  readonly services: number
  readonly endpointsPerService: number
}

/** What the EndpointSlice controller puts into one slice at most. */
export const endpointsPerSlice = 100

/** The zones that endpoints are in, one after the other. */
export const zones = ['zone-0', 'zone-1', 'zone-2']

export interface GeneratedService {
  readonly namespace: string
  readonly name: string
  readonly clusterIP: string
  readonly port: number
  /** The first of its endpoints' numbers; each number is another address. */
  readonly firstEndpoint: number
  readonly endpoints: number
}

/**
 * Clusters made for measuring, of any size: ClusterIP Services of one port, in the API's own words and about as large as
 * there (1.6 KB for a Service, 3.8 KB for ten endpoints). All that it makes depends on the shape alone.
 */
export class GeneratedCluster {
  readonly shape: ClusterShape
  readonly zone = undefined

  readonly #stride: number

  constructor(shape: ClusterShape) {
    this.shape = shape
    this.#stride = strideOf(shape.services)
  }

  *objects(): Generator<ApiObject> {
    for (let index = 0; index < this.shape.services; index++) {
      const service = this.service(index)
      yield serviceObject(service)
      yield* sliceObjects(service)
    }
  }

  /** Number 0, 1, ...; those past the shape's count are free to be added. */
  service(index: number): GeneratedService {
    const { endpointsPerService } = this.shape
    return {
      namespace: `ns-${index % 100}`,
      name: `svc-${index}`,
      clusterIP: `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
      port: 80,
      firstEndpoint: index * endpointsPerService,
      endpoints: endpointsPerService,
    }
  }

  /** Services in an order that jumps around, each once before any comes again. */
  scattered(turn: number): GeneratedService {
    return this.service((turn * this.#stride) % this.shape.services)
  }
}

/** From one Service to the next: a number that has no divisor in common with how many there are, so that none is left out. */
function strideOf(services: number): number {
  let stride = 7919
  while (services > 1 && greatestCommonDivisor(stride, services) > 1) stride++
  return stride
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

export function serviceObject({ namespace, name, clusterIP, port }: GeneratedService): ApiObject {
  return {
    kind: 'Service',
    metadata: {
      name,
      namespace,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: name },
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
      ports: [{ name: 'http', protocol: 'TCP', port, targetPort }],
    },
    status: { loadBalancer: {} },
  }
}

const targetPort = 8080

export function sliceObjects(service: GeneratedService): ApiObject[] {
  const slices = Math.max(1, Math.ceil(service.endpoints / endpointsPerSlice))
  return Array.from({ length: slices }, (_, number) => sliceObject(service, number))
}

/**
 * Slice number 0, 1, ... of a Service: it holds the endpoints at 100 positions.
 * @param replaced positions of endpoints that have another address than usual
 * @param version which other address: 0 to 59
 */
export function sliceObject(
  service: GeneratedService,
  number: number,
  replaced: ReadonlySet<number> = new Set(),
  version = 0,
): ApiObject {
  const { namespace, name, firstEndpoint, endpoints } = service
  const first = number * endpointsPerSlice
  const positions = Array.from(
    { length: Math.max(0, Math.min(endpointsPerSlice, endpoints - first)) },
    (_, at) => first + at,
  )
  return {
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${number}`,
      namespace,
      labels: { 'kubernetes.io/service-name': name },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-02T03:04:05Z' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, controller: true }],
      managedFields: [
        { manager: 'controller', operation: 'Update', fieldsV1: { 'f:endpoints': 'x'.repeat(600) } },
      ],
    },
    addressType: 'IPv4',
    endpoints: positions.map((position) =>
      endpoint(service, firstEndpoint + position, replaced.has(position) ? 11 + version : 10),
    ),
    ports: [{ name: 'http', protocol: 'TCP', port: targetPort }],
  }
}

function endpoint({ namespace, name }: GeneratedService, number: number, network: number): object {
  const zone = zones[number % zones.length]
  // 8 million addresses of 10.128.0.0/9, and as many of 11.128.0.0/9 and those after it for what comes in their place.
  const address = `${network}.${128 + ((number >> 16) & 127)}.${(number >> 8) & 255}.${number & 255}`
  return {
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${number % 1000}`,
    zone,
    // Heeded by a node in one of these zones, and the node that is measured is in none, until a scenario says so.
    hints: { forZones: [{ name: zone }] },
    targetRef: { kind: 'Pod', namespace, name: `${name}-7d4b9c6f5-${number}`, uid: 'x'.repeat(36) },
  }
}
