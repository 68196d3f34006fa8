import type { ClusterRecord, ObjectProblem, ServiceRecord } from '../cluster/records.ts'
import { type Address, familyOf, ipFamilies } from '../network/address.ts'
import type { Protocol } from '../network/protocol.ts'
import { clusterIPOf } from '../table/builder/service-frontends.ts'
import { type Difference, type Finding, Findings } from './finding.ts'

/** A port of a pod that its node has at an address of its own. */
export interface HostPort {
  /** `namespace/name` */
  readonly pod: string
  readonly port: number
  readonly protocol: Protocol
}

const addressOfNode: Difference = {
  kind: 'address-of-node',
  effect: 'note',
  what: "an external or load balancer address is a node's own",
  why: "the Service takes its ports there, from servers of the node too, whichever proxy runs; with IPVS also from answers to the node's own connections",
  fix: "take an address that no node has, or keep the node's servers off these ports",
}

const openFamily: Difference = {
  kind: 'source-ranges-of-one-family',
  effect: 'note',
  what: 'loadBalancerSourceRanges has no range of a family in which the Service has a load balancer address',
  why: 'a family without a range is open to everybody, in kube-proxy and in Portolan',
  fix: 'add a range of that family too',
}

const hostPort: Difference = {
  kind: 'host-port',
  effect: 'note',
  what: "a NodePort is also the hostPort of a pod, or a port of one in the node's network",
  why: "on the pod's node both claim the port: whose rules come first decides, and another proxy comes at another place",
  fix: 'give one of the two another port',
}

const contested: Difference = {
  kind: 'contested',
  effect: 'changed',
  what: 'two Services claim one destination, and this one loses it',
  why: 'in kube-proxy the order of events decides; in Portolan a ClusterIP first, then the older Service, on each node alike',
  fix: 'give each Service a destination of its own',
}

/**
 * What the same settings do alike in both proxies, and all the same goes wrong easily when one follows the other.
 *
 * @param hostPorts absent: pods could not be looked at
 * @param problems of building the tables
 */
export function hazards(
  records: readonly ClusterRecord[],
  problems: readonly ObjectProblem[],
  hostPorts: readonly HostPort[] = [],
): readonly Finding[] {
  const findings = new Findings()
  const services = records.filter((record) => record.kind === 'Service')
  const ofNodes = new Set(records.flatMap((record) => (record.kind === 'Node' ? record.addresses : [])))
  for (const service of services) {
    if (externalAddressesOf(service).some((address) => ofNodes.has(address)))
      findings.add(addressOfNode, service.key)
    if (isOpenInAFamily(service)) findings.add(openFamily, service.key)
  }
  const byNodePort = new Map<string, string>()
  for (const { key, ports } of services)
    for (const { nodePort, protocol } of ports)
      if (nodePort !== 0) byNodePort.set(`${nodePort}/${protocol}`, key)
  for (const [service, pods] of podsByService(hostPorts, byNodePort))
    findings.add(
      hostPort,
      `${service} (pod ${pods[0]}${pods.length > 1 ? ` and ${pods.length - 1} more` : ''})`,
    )
  for (const { kind, object, rival } of problems)
    if (kind === 'Service' && rival !== undefined) findings.add(contested, object)
  return findings.list
}

/** A DaemonSet's pods are one conflict, not one for each node. */
function podsByService(
  hostPorts: readonly HostPort[],
  byNodePort: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly string[]> {
  const pods = new Map<string, Set<string>>()
  for (const { pod, port, protocol } of hostPorts) {
    const service = byNodePort.get(`${port}/${protocol}`)
    if (service !== undefined) pods.set(service, (pods.get(service) ?? new Set()).add(pod))
  }
  return new Map([...pods].map(([service, names]) => [service, [...names]]))
}

function externalAddressesOf(service: ServiceRecord): readonly Address[] {
  return served(service, [...service.externalIPs, ...service.loadBalancerIPs])
}

/** Those of families that the Service has: no proxy serves others. */
function served(service: ServiceRecord, addresses: readonly Address[]): readonly Address[] {
  return addresses.filter((address) => clusterIPOf(service, familyOf(address)) !== undefined)
}

function isOpenInAFamily(service: ServiceRecord): boolean {
  const { sourceRanges, loadBalancerIPs } = service
  const addresses = served(service, loadBalancerIPs)
  return (
    sourceRanges.length > 0 &&
    ipFamilies.some(
      (family) =>
        addresses.some((address) => familyOf(address) === family) &&
        !sourceRanges.some((range) => familyOf(range) === family),
    )
  )
}
