import { randomBytes } from 'node:crypto'
import type {
  ClusterRecord,
  NodeRecord,
  ServiceCidrRecord,
  ServiceRecord,
  SliceRecord,
} from '../../cluster/records.ts'
import { Pseudonyms } from './pseudonyms.ts'
import { ScrambledAddresses } from './scrambled-addresses.ts'

/** How the names and addresses of records are written. */
export interface RecordRewriter {
  rewrite(record: ClusterRecord): ClusterRecord
  /** The key of a record that may be gone. */
  rewriteKey(kind: ClusterRecord['kind'], key: string): string
}

/** Leaves records as they are. */
export const plainRecords: RecordRewriter = {
  rewrite: (record) => record,
  rewriteKey: (_kind, key) => key,
}

/**
 * Records with pseudonyms instead of names, and other addresses instead of addresses, so that everything still fits
 * together: slices to Services, endpoints to Nodes, addresses to ranges. Times of creation are left out. Ports, protocols,
 * policies, conditions and sizes stay.
 *
 * @param keys two keys of 32 random bytes; by default made here, and forgotten with the object
 */
export function anonymousRecords(
  keys = { names: randomBytes(32), addresses: randomBytes(32) },
): RecordRewriter {
  return new AnonymousRecords(new Pseudonyms(keys.names), new ScrambledAddresses(keys.addresses))
}

class AnonymousRecords implements RecordRewriter {
  readonly #names: Pseudonyms
  readonly #addresses: ScrambledAddresses

  constructor(names: Pseudonyms, addresses: ScrambledAddresses) {
    this.#names = names
    this.#addresses = addresses
  }

  rewrite(record: ClusterRecord): ClusterRecord {
    switch (record.kind) {
      case 'Service':
        return this.#service(record)
      case 'EndpointSlice':
        return this.#slice(record)
      case 'Node':
        return this.#node(record)
      case 'ServiceCIDR':
        return this.#serviceCidr(record)
    }
  }

  rewriteKey(kind: ClusterRecord['kind'], key: string): string {
    switch (kind) {
      case 'Service':
        return this.#namespaced('service', key)
      case 'EndpointSlice':
        return this.#namespaced('slice', key)
      case 'Node':
        return this.#names.name('node', key)
      case 'ServiceCIDR':
        return this.#names.name('cidr', key)
    }
  }

  #service(record: ServiceRecord): ServiceRecord {
    return {
      ...record,
      key: this.rewriteKey('Service', record.key),
      createdAt: 0,
      clusterIPs: record.clusterIPs.map((address) => this.#addresses.address(address)),
      externalIPs: record.externalIPs.map((address) => this.#addresses.address(address)),
      loadBalancerIPs: record.loadBalancerIPs.map((address) => this.#addresses.address(address)),
      sourceRanges: record.sourceRanges.map((range) => this.#addresses.cidr(range)),
      ports: record.ports.map((port) => ({ ...port, name: this.#names.name('port', port.name) })),
    }
  }

  #slice(record: SliceRecord): SliceRecord {
    return {
      ...record,
      key: this.rewriteKey('EndpointSlice', record.key),
      serviceKey: this.rewriteKey('Service', record.serviceKey),
      ports: record.ports.map((port) => ({ ...port, name: this.#names.name('port', port.name) })),
      endpoints: record.endpoints.map((endpoint) => ({
        ...endpoint,
        address: this.#addresses.address(endpoint.address),
        nodeName: this.#names.name('node', endpoint.nodeName),
        zoneHints: endpoint.zoneHints.map((zone) => this.#names.name('zone', zone)),
        nodeHints: endpoint.nodeHints.map((node) => this.#names.name('node', node)),
      })),
    }
  }

  #node(record: NodeRecord): NodeRecord {
    return {
      ...record,
      key: this.rewriteKey('Node', record.key),
      zone: this.#names.name('zone', record.zone),
      addresses: record.addresses.map((address) => this.#addresses.address(address)),
      podCidrs: record.podCidrs.map((range) => this.#addresses.cidr(range)),
    }
  }

  #serviceCidr(record: ServiceCidrRecord): ServiceCidrRecord {
    return {
      kind: 'ServiceCIDR',
      key: this.rewriteKey('ServiceCIDR', record.key),
      cidrs: record.cidrs.map((range) => this.#addresses.cidr(range)),
    }
  }

  #namespaced(kind: 'service' | 'slice', key: string): string {
    const slash = key.indexOf('/')
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)]
    return `${this.#names.name('namespace', namespace)}/${this.#names.name(kind, name, namespace)}`
  }
}
