import type { ClusterRecord, ServiceRecord, SliceEndpoint, SliceRecord } from '../cluster/records.ts'
import { type Address, type IpFamily, ipFamilies, parseAddress } from '../network/address.ts'
import { clusterIPOf } from '../table/builder/service-frontends.ts'

/** Ranges for documentation (RFC 5737, RFC 3849), of which no pod has an address. */
const addresses: Readonly<Record<IpFamily, Address>> = {
  IPv4: parseAddress('192.0.2.201') as Address,
  IPv6: parseAddress('2001:db8:ffff::c9') as Address,
}

/**
 * What Services lack that no endpoint is ready of: one on another node, for each of their ports. A Service that is scaled
 * to zero today is served tomorrow, and how is a question of today.
 */
export function assumedEndpoints(records: readonly ClusterRecord[]): readonly SliceRecord[] {
  const ready = new Set(
    records.flatMap((record) =>
      record.kind === 'EndpointSlice' && record.endpoints.some((endpoint) => endpoint.ready)
        ? [`${record.serviceKey} ${record.family}`]
        : [],
    ),
  )
  return records.flatMap((record) =>
    record.kind !== 'Service'
      ? []
      : ipFamilies
          .filter(
            (family) => clusterIPOf(record, family) !== undefined && !ready.has(`${record.key} ${family}`),
          )
          .map((family) => assumedSlice(record, family)),
  )
}

function assumedSlice({ key, ports }: ServiceRecord, family: IpFamily): SliceRecord {
  const endpoint: SliceEndpoint = {
    address: addresses[family],
    ready: true,
    serving: true,
    terminating: false,
    nodeName: '',
    zoneHints: [],
    nodeHints: [],
  }
  return {
    kind: 'EndpointSlice',
    // No object's name has a slash.
    key: `${key}/assumed-${family}`,
    serviceKey: key,
    family,
    ports: ports.map(({ name, protocol, port }) => ({ name, protocol, port })),
    endpoints: [endpoint],
  }
}
