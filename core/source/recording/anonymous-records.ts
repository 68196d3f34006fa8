import { randomBytes } from 'node:crypto'
import type {
  ClusterRecord,
  NodeRecord,
  ServiceCidrRecord,
  ServiceRecord,
  SliceRecord,
} from '../../cluster/records.ts'
import { Pseudonyms } from './pseudonyms.ts'
import { readdressed } from './readdressed-records.ts'
import type { RecordRewriter } from './record-rewriter.ts'
import { ScrambledAddresses } from './scrambled-addresses.ts'

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
      ...readdressed(record, this.#addresses),
      key: this.rewriteKey('Service', record.key),
      createdAt: 0,
      ports: record.ports.map((port) => ({ ...port, name: this.#names.name('port', port.name) })),
    }
  }

  #slice(record: SliceRecord): SliceRecord {
    const { endpoints, ...rest } = readdressed(record, this.#addresses)
    return {
      ...rest,
      key: this.rewriteKey('EndpointSlice', record.key),
      serviceKey: this.rewriteKey('Service', record.serviceKey),
      ports: record.ports.map((port) => ({ ...port, name: this.#names.name('port', port.name) })),
      endpoints: endpoints.map((endpoint) => ({
        ...endpoint,
        nodeName: this.#names.name('node', endpoint.nodeName),
        zoneHints: endpoint.zoneHints.map((zone) => this.#names.name('zone', zone)),
        nodeHints: endpoint.nodeHints.map((node) => this.#names.name('node', node)),
      })),
    }
  }

  #node(record: NodeRecord): NodeRecord {
    return {
      ...readdressed(record, this.#addresses),
      key: this.rewriteKey('Node', record.key),
      zone: this.#names.name('zone', record.zone),
    }
  }

  #serviceCidr(record: ServiceCidrRecord): ServiceCidrRecord {
    return { ...readdressed(record, this.#addresses), key: this.rewriteKey('ServiceCIDR', record.key) }
  }

  #namespaced(kind: 'service' | 'slice', key: string): string {
    const slash = key.indexOf('/')
    const [namespace, name] = [key.slice(0, slash), key.slice(slash + 1)]
    return `${this.#names.name('namespace', namespace)}/${this.#names.name(kind, name, namespace)}`
  }
}
