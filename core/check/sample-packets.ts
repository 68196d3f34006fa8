import type { ServiceRecord } from '../cluster/records.ts'
import {
  type Address,
  type Cidr,
  familyOf,
  type IpFamily,
  parseAddress,
  splitCidr,
} from '../network/address.ts'
import { clusterIPOf, destinationsOf } from '../table/builder/service-frontends.ts'
import type { Packet } from '../table/evaluate.ts'
import { sourceClasses } from '../table/service-route.ts'
import type { SampleNode } from './sample-node.ts'

/** A packet that stands for all of its kind. */
export interface SamplePacket {
  readonly packet: Packet
  /** Of a NodePort: which of the node's addresses it is for. */
  readonly at?: string
}

/** No Service has it, for ports begin at 1. */
const otherPort = 0

const stranger: Readonly<Record<IpFamily, Address>> = {
  IPv4: parseAddress('192.0.2.200') as Address,
  IPv6: parseAddress('2001:db8:ffff::c8') as Address,
}

/**
 * Packets to everything that a Service asks for in one family, from everybody that proxies tell apart: each destination
 * that proxies can treat differently has one.
 */
export function samplePackets(service: ServiceRecord, family: IpFamily, node: SampleNode): SamplePacket[] {
  const packets: SamplePacket[] = []
  const nodeAddresses = node.addresses.filter(({ address }) => familyOf(address) === family)
  const clusterIP = clusterIPOf(service, family)
  if (clusterIP === undefined) return packets
  const sources = sourcesOf(service, family)
  const add = (destination: Address, port: number, protocol: Packet['protocol'], at?: string): void => {
    for (const sourceClass of sourceClasses)
      for (const source of sources) {
        const packet = { protocol, source, sourceClass, destination, port }
        packets.push(at === undefined ? { packet } : { packet, at })
      }
  }
  for (const port of service.ports)
    for (const { address, port: number } of destinationsOf(service, port, family)) {
      if (address !== undefined) add(address, number, port.protocol)
      else for (const at of nodeAddresses) add(at.address, number, port.protocol, at.what)
    }
  add(clusterIP, otherPort, 'TCP')
  return packets
}

/** An address in the ranges that may use load balancer addresses, and one that is in none. */
function sourcesOf({ sourceRanges }: ServiceRecord, family: IpFamily): readonly Address[] {
  const range = sourceRanges.find((one) => familyOf(one) === family)
  return range === undefined ? [stranger[family]] : [stranger[family], splitCidr(range).address]
}

/** A packet to the first address of a range of ClusterIPs, which no Service ever gets. */
export function unallocatedPacket(range: Cidr): Packet {
  const { address: destination } = splitCidr(range)
  const source = stranger[familyOf(destination)]
  return { protocol: 'TCP', source, sourceClass: 'pod', destination, port: 80 }
}
