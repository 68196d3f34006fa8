import { type Dataplane, type DataplaneFactory, type IpFamily, localhostFamiliesOf } from '@portolan/core'
import type { LocalhostForwarding } from '@portolan/core/localhost'
import {
  type Arrival,
  createLab,
  type Host,
  type Lab,
  network,
  type Protocol,
  podAddress,
  podBridge,
  podInterfacePrefix,
  remotePodAddress,
  type SocketAddress,
} from '@portolan/lab'
import type { Cluster } from './cluster.ts'
import { Driver } from './driver.ts'
import type { Client } from './matrix-case.ts'
import { nodeForwarder } from './node-forwarder.ts'
import { type NodeSpecification, newCluster } from './node-specification.ts'
import { addressOf, type EndpointHost, isLocalHost } from './place.ts'
import { Semaphore } from './semaphore.ts'
import type { Timeouts } from './timeouts.ts'

export interface TestbedOptions extends Omit<NodeSpecification, 'localAddresses' | 'localhostFamilies'> {
  readonly factory: DataplaneFactory
  readonly settings: Readonly<Record<string, string>>
  readonly timeouts: Timeouts
}

/** Where a client's packets come from. */
export interface Origin {
  readonly host: Host
  readonly address: string
  /** The node's interface by which they come in; absent for the node's own. */
  readonly inputInterface?: string
}

/** Of no Service and no endpoint. */
const markerPort = 7007

/** The local pod that is the endpoint of no Service. */
const clientPod = 2

/** A lab whose node a dataplane serves, and the cluster whose Services it serves. */
export class Testbed {
  readonly lab: Lab
  readonly cluster: Cluster
  /** For checks that wait for silence: each sends markers all the time, which a translated machine has no time for. */
  readonly listening: Semaphore
  #dataplane: Dataplane
  #driver: Driver
  #forwarding: LocalhostForwarding | undefined
  readonly #options: TestbedOptions
  readonly #serving = new Map<string, Promise<unknown>>()

  constructor(options: TestbedOptions, lab: Lab) {
    this.#options = options
    this.lab = lab
    this.listening = new Semaphore(Math.max(4, Math.round(32 / options.timeouts.slowness)))
    this.#dataplane = this.newDataplane()
    this.cluster = newCluster(this.specification)
    this.#driver = new Driver(this.#dataplane, this.cluster)
  }

  get specification(): NodeSpecification {
    const { factory: _, settings: __, timeouts: ___, ...rest } = this.#options
    const { IPv4, IPv6 } = this.lab.node.addresses
    const localhostFamilies = localhostFamiliesOf(this.#dataplane.capabilities)
    return { ...rest, localhostFamilies, localAddresses: [...IPv4, ...IPv6, '127.0.0.1', '::1'] }
  }

  get timeouts(): Timeouts {
    return this.#options.timeouts
  }

  get dataplane(): Dataplane {
    return this.#dataplane
  }

  get driver(): Driver {
    return this.#driver
  }

  get families(): readonly IpFamily[] {
    return this.cluster.families
  }

  /** Another instance of the dataplane for the same node, as a new process would make. */
  newDataplane(): Dataplane {
    return this.#options.factory.create(
      {
        masqueradeBit: 14,
        networkNamespace: this.lab.node.networkNamespace,
        settings: this.#options.settings,
      },
      { deadlines: this.timeouts.deadlines },
    )
  }

  /** Has the core forward NodePorts at loopback where the dataplane can't serve them. For a process that goes on. */
  forwardLocalhost(): void {
    const forwarding = nodeForwarder(this.lab.node, this.families, this.#dataplane.capabilities)
    this.#forwarding = forwarding
    this.#driver.onApplied = ({ family, routes }) => forwarding.follow(family, routes)
  }

  /** As a process that ends: its instance is closed, and what it knew is lost. */
  async stopProcess(): Promise<void> {
    await this.#driver.stop()
  }

  /** As a process that begins: it lists the cluster anew and adopts what the kernel holds, but applies nothing yet. */
  async startProcess(): Promise<void> {
    this.cluster.relist()
    this.#dataplane = this.newDataplane()
    this.#driver = new Driver(this.#dataplane, this.cluster)
    await this.#driver.adopt()
  }

  /** One process ends, another begins and applies what is missing. */
  async restart(): Promise<void> {
    await this.stopProcess()
    await this.startProcess()
    await this.#driver.reconcile()
  }

  origin(client: Client, family: IpFamily): Origin {
    const { node, outside, remote } = this.lab
    switch (client) {
      case 'node':
        return { host: node, address: network[family].node.internet }
      case 'outside':
        return { host: outside, address: network[family].outside, inputInterface: 'eth0' }
      case 'remotePod':
        return { host: remote, address: remotePodAddress(family, 200), inputInterface: 'eth1' }
      case 'pod':
        return this.#podOrigin(clientPod, family)
      case 'endpoint':
        return this.#podOrigin(0, family)
    }
  }

  /**
   * Lets an endpoint answer, in both families if the testbed has both. Asking again costs nothing. SCTP is served where
   * the kernel has it.
   */
  async serve(
    host: EndpointHost,
    port: number,
    protocols: readonly Protocol[] = ['TCP', 'UDP'],
  ): Promise<void> {
    const served = isLocalHost(host) ? this.#pod(Number(host.slice('pod'.length))) : this.lab.remote
    await Promise.all(
      this.families.flatMap((family) =>
        protocols
          .filter((protocol) => this.lab.supports(protocol))
          .map((protocol) => {
            const everywhere = family === 'IPv4' ? '0.0.0.0' : '::'
            const address = protocol === 'TCP' ? everywhere : addressOf(host, family)
            return this.serveAt(served, protocol, address, port)
          }),
      ),
    )
  }

  async serveAt(host: Host, protocol: Protocol, address: string, port: number): Promise<void> {
    const key = `${host.name} ${protocol} ${address} ${port}`
    const serving = this.#serving.get(key) ?? host.serve(protocol, address, port)
    this.#serving.set(key, serving)
    await serving
  }

  /**
   * Where every host that could answer a packet that should be dropped surely answers: UDP servers that are endpoints of
   * no Service.
   */
  async markers(family: IpFamily): Promise<readonly SocketAddress[]> {
    const { internet, remote } = network[family]
    const places = [
      { host: this.lab.internet, address: internet },
      { host: this.lab.remote, address: remote },
      ...[0, 1].map((index) => ({ host: this.#pod(index), address: podAddress(family, index) })),
    ]
    await Promise.all(places.map(({ host, address }) => this.serveAt(host, 'UDP', address, markerPort)))
    return places.map(({ address }) => ({ address, port: markerPort }))
  }

  /** Names of the hosts to which any of these packets has come. */
  async arrived(packets: readonly Arrival[]): Promise<readonly string[]> {
    const { internet, remote, pods } = this.lab
    const found = await Promise.all(
      [internet, remote, ...pods].map(async (host) =>
        (await host.arrived(packets)).length > 0 ? [host.name] : [],
      ),
    )
    return found.flat()
  }

  /** Binds an address to the node, as an agent or a load balancer does, and lets the core know. */
  async bindToNode(address: string): Promise<void> {
    await this.lab.node.addAddress(address, 'lo')
    this.cluster.setLocalAddresses(this.specification.localAddresses)
  }

  async unbindFromNode(address: string): Promise<void> {
    await this.lab.node.removeAddress(address, 'lo')
    this.cluster.setLocalAddresses(this.specification.localAddresses)
  }

  /** Where its rows decide whether it is kept, when they have. */
  async close(): Promise<void> {
    const held = holds.get(this.#options.factory)
    if (held === undefined) await this.#end()
    else held.push({ networkNamespace: this.lab.node.networkNamespace, end: () => this.#endHeld() })
  }

  /** Nobody else looks for what outlives its network namespace. */
  async #endHeld(): Promise<void> {
    await this.dataplane.cleanup().catch(() => {})
    await this.#end()
  }

  async #end(): Promise<void> {
    await this.#forwarding?.stop()
    await this.driver.stop().catch(() => {})
    await this.lab.close()
  }

  #podOrigin(index: number, family: IpFamily): Origin {
    const routed = podNetworkOf(this.#options) === 'routed'
    return {
      host: this.#pod(index),
      address: podAddress(family, index),
      inputInterface: routed ? `${podInterfacePrefix}${index}` : podBridge,
    }
  }

  #pod(index: number): Host {
    const pod = this.lab.pods[index]
    if (pod === undefined) throw new Error(`the lab has no pod${index}`)
    return pod
  }
}

export async function createTestbed(options: TestbedOptions): Promise<Testbed> {
  const lab = await createLab({
    pods: clientPod + 1,
    podNetwork: podNetworkOf(options),
    slowness: options.timeouts.slowness,
  })
  const testbed = new Testbed(options, lab)
  lastTestbeds.set(options.factory, testbed)
  return testbed
}

/** A node that is up, although its scenario is over. */
export interface HeldNode {
  readonly networkNamespace: string
  end(): Promise<void>
}

const holds = new WeakMap<DataplaneFactory, HeldNode[]>()

/** From now on testbeds of this very factory are not closed by their scenarios, but by {@link endHeldTestbeds}. */
export function holdTestbeds(factory: DataplaneFactory): readonly HeldNode[] {
  const held: HeldNode[] = []
  holds.set(factory, held)
  return held
}

/** Ends those that are held, and from now on each that its scenario closes. */
export async function endHeldTestbeds(factory: DataplaneFactory): Promise<void> {
  const held = holds.get(factory) ?? []
  holds.delete(factory)
  await Promise.all(held.map((one) => one.end()))
}

const lastTestbeds = new WeakMap<DataplaneFactory, Testbed>()

/** What the cluster of the last testbed for this very factory holds, also after it was closed; `undefined`: there was none. */
export function lastObjects(factory: DataplaneFactory): readonly object[] | undefined {
  return lastTestbeds.get(factory)?.cluster.objects
}

function podNetworkOf({ detector }: TestbedOptions): 'bridge' | 'routed' {
  return detector === 'interfacePrefix' ? 'routed' : 'bridge'
}
