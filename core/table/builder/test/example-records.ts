/** Records for tests and benchmarks, with defaults for whatever a case isn't about. */
import type {
  ServicePort,
  ServiceRecord,
  SliceEndpoint,
  SlicePort,
  SliceRecord,
} from '../../../cluster/records.ts'
import { type Address, type Cidr, familyOf, parseAddress, parseCidr } from '../../../network/address.ts'

/** Throws for what is no address: a mistake in the test. */
export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`no address: ${text}`)
  return parsed
}

/** Throws for what is no CIDR: a mistake in the test. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`no CIDR: ${text}`)
  return parsed
}

export const examplePort: ServicePort = { name: '', protocol: 'TCP', port: 80, nodePort: 0 }

export function exampleService(overrides: Partial<ServiceRecord> = {}): ServiceRecord {
  return {
    kind: 'Service',
    key: 'default/web',
    createdAt: 1000,
    clusterIPs: [address('10.96.0.1')],
    externalIPs: [],
    loadBalancerIPs: [],
    sourceRanges: [],
    ports: [examplePort],
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    healthCheckNodePort: 0,
    ...overrides,
  }
}

export function exampleEndpoint(text: string, overrides: Partial<SliceEndpoint> = {}): SliceEndpoint {
  return {
    address: address(text),
    ready: true,
    serving: true,
    terminating: false,
    nodeName: 'other',
    zoneHints: [],
    nodeHints: [],
    ...overrides,
  }
}

const slicePort: SlicePort = { name: '', protocol: 'TCP', port: 8080 }

export function exampleSlice(
  endpoints: readonly SliceEndpoint[],
  overrides: Partial<SliceRecord> = {},
): SliceRecord {
  const [first] = endpoints
  return {
    kind: 'EndpointSlice',
    key: 'default/web-1',
    serviceKey: 'default/web',
    family: first === undefined ? 'IPv4' : familyOf(first.address),
    ports: [slicePort],
    endpoints,
    ...overrides,
  }
}
