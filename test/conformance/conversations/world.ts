import { type Evaluation, evaluate, type IpFamily, parseAddress, type RoutingTable } from '@portolan/core'
import { type Host, type Lab, network, podAddress, remotePodAddress, type SocketAddress } from '@portolan/lab'
import type { Client } from '../matrix-case.ts'
import { isLocalHost } from '../place.ts'
import {
  type Destination,
  type Frontend,
  isOfService,
  type Listener,
  type ServiceName,
} from './conversation.ts'
import { listeners, services } from './services.ts'

/** An address of the internet that is on no link of the lab. */
const strangers: Readonly<Record<IpFamily, string>> = { IPv4: '203.0.113.7', IPv6: '2001:db8::7' }

/** What a script's names mean in one family, and what the reference says of packets to Services. */
export class World {
  readonly family: IpFamily
  readonly #table: RoutingTable
  readonly #origin: (client: Client) => { readonly address: string; readonly inputInterface?: string }

  /** @param origin where a client's packets come from */
  constructor(family: IpFamily, table: RoutingTable, origin: World['origin']) {
    this.family = family
    this.#table = table
    this.#origin = origin
  }

  origin(client: Client): { readonly address: string; readonly inputInterface?: string } {
    return this.#origin(client)
  }

  addressOf(to: Destination): SocketAddress {
    if (!isOfService(to)) return { address: listenerAddress(to.host, this.family), port: to.port }
    const { place, port } = services[to.service]
    switch (to.at) {
      case 'ClusterIP':
        return { address: place.clusterIP[this.family], port }
      case 'ExternalIP':
        return { address: place.externalIP[this.family], port }
      case 'LoadBalancer':
        return { address: place.loadBalancerIP[this.family], port }
      case 'NodePort':
        return { address: network[this.family].node.uplink, port: place.nodePort }
      case 'ExternalIP of the node':
        return { address: network[this.family].node.remote, port }
    }
  }

  /** What must happen to a client's packet. `none`: whatever happens without a proxy. */
  evaluate(from: Client, to: Destination, protocol: 'TCP' | 'UDP'): Evaluation {
    const { address, inputInterface } = this.origin(from)
    const { address: destination, port } = this.addressOf(to)
    return evaluate(this.#table, {
      protocol,
      source: canonical(address),
      ...(inputInterface === undefined ? {} : { inputInterface }),
      destination: canonical(destination),
      port,
    })
  }

  /** The addresses by which the Service's endpoints answer, whatever the source. */
  endpointsOf(service: ServiceName): readonly SocketAddress[] {
    const { place, endpoints } = services[service]
    return endpoints.map(({ host }) => ({
      address: listenerAddress(host as Listener, this.family),
      port: place.targetPort,
    }))
  }

  /** Whether a host answers there without a proxy. */
  isServed(to: Destination): boolean {
    return !isOfService(to) && listeners[to.host].includes(to.port)
  }

  /**
   * Whether all answers pass the node. All remote pods are on one host of the lab, so that one answers another past the
   * node, if it sees the other's address.
   */
  comesBack(from: Client, { service }: Frontend, evaluation: Evaluation): boolean {
    if (from !== 'remotePod' || evaluation.verdict !== 'balance' || evaluation.masquerade) return true
    return services[service].endpoints.every(({ host }) => isLocalHost(host))
  }

  isLocal(address: string): boolean {
    return this.#table.localAddresses.has(canonical(address))
  }
}

export function listenerAddress(listener: Listener, family: IpFamily): string {
  const { node, outside } = network[family]
  switch (listener) {
    case 'node':
      return node.uplink
    case 'nodeElsewhere':
      return node.internet
    case 'outside':
      return outside
    case 'internet':
      return strangers[family]
    case 'pod':
      return podAddress(family, 2)
    case 'pod0':
      return podAddress(family, 0)
    case 'pod1':
      return podAddress(family, 1)
    case 'remote0':
      return remotePodAddress(family, 0)
    case 'remote1':
      return remotePodAddress(family, 1)
    case 'remotePod':
      return remotePodAddress(family, 200)
  }
}

/** The host on which a listener lives. */
export function hostOf(lab: Lab, listener: Listener): Host {
  switch (listener) {
    case 'node':
    case 'nodeElsewhere':
      return lab.node
    case 'outside':
      return lab.outside
    case 'internet':
      return lab.internet
    case 'pod':
      return podOf(lab, 2)
    case 'pod0':
      return podOf(lab, 0)
    case 'pod1':
      return podOf(lab, 1)
    default:
      return lab.remote
  }
}

/** Where a client's sockets are. */
export function listenerOfClient(client: Client): Listener {
  return client === 'endpoint' ? 'pod0' : client
}

function podOf(lab: Lab, index: number): Host {
  const pod = lab.pods[index]
  if (pod === undefined) throw new Error(`the lab has no pod${index}`)
  return pod
}

function canonical(text: string) {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is not an address`)
  return address
}
