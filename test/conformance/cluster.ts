import type { IpFamily, PodSource, RoutingTable } from '@portolan/core'
import { parseAddress, parseCidr } from '@portolan/core'
import { parseNode, parseService, parseServiceCidr, parseSlice } from '@portolan/core/cluster'
import { type NodePortPolicy, TableBuilder } from '@portolan/core/table'
import { namespace, thisNode } from './objects.ts'

export interface ClusterOptions {
  readonly families: readonly IpFamily[]
  readonly podSource: Readonly<Record<IpFamily, PodSource>>
  readonly masqueradeAll: boolean
  readonly nodePortAddresses: 'primary' | 'all'
  /** Those in which NodePorts answer at loopback, where every address is chosen. */
  readonly localhostFamilies: readonly IpFamily[]
}

/**
 * A cluster of Kubernetes objects and the tables that the core makes of them: what is proved goes all the way from
 * the object as the API server serves it.
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #builders = new Map<IpFamily, TableBuilder>()
  /** All objects as they are now, by kind and name. */
  readonly #objects = new Map<string, object>()
  #localAddresses: readonly string[] = []
  /** The Node object, while the cluster is without it. */
  #missingNode: object | undefined
  #serviceCidrsReadable = true

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#makeBuilders()
  }

  /**
   * Lists everything anew, last things first, for tables without a history: what a process that starts has. The
   * tables mean the same as before, but endpoints may be in another order.
   */
  relist(): void {
    this.#makeBuilders()
    this.setServiceCidrsReadable(this.#serviceCidrsReadable)
    const listed = [...this.#objects.values()].reverse()
    this.set(
      ...listed.filter(
        (object) => (object as { kind: string }).kind !== 'ServiceCIDR' || this.#serviceCidrsReadable,
      ),
    )
    this.setLocalAddresses(this.#localAddresses)
    this.#each((builder) => builder.drain())
  }

  get families(): readonly IpFamily[] {
    return [...this.#builders.keys()]
  }

  /** Takes objects as they are new or changed. @throws when the core can't read one: the kit's objects are all fine */
  set(...objects: readonly object[]): void {
    for (const object of objects) {
      const { kind, metadata } = object as { kind: string; metadata: { name: string } }
      this.#objects.set(`${kind} ${metadata.name}`, object)
      this.#set(object)
    }
  }

  /** All that the cluster has now, as the API server would serve it. */
  get objects(): readonly object[] {
    return [...this.#objects.values()]
  }

  removeService(name: string): void {
    this.#objects.delete(`Service ${name}`)
    this.#each((builder) => builder.removeService(`${namespace}/${name}`))
  }

  removeSlice(name: string): void {
    this.#objects.delete(`EndpointSlice ${name}`)
    this.#each((builder) => builder.removeSlice(`${namespace}/${name}`))
  }

  removeServiceCidr(name: string): void {
    this.#objects.delete(`ServiceCIDR ${name}`)
    this.#each((builder) => builder.removeServiceCidr(name))
  }

  /** Takes the Node object out of the cluster, for a while. */
  forgetNode(): void {
    const key = `Node ${thisNode}`
    this.#missingNode = this.#objects.get(key)
    this.#objects.delete(key)
    this.#each((builder) => builder.removeNode(thisNode))
  }

  recallNode(): void {
    if (this.#missingNode !== undefined) this.set(this.#missingNode)
    this.#missingNode = undefined
  }

  /** Whether ServiceCIDRs may be listed. */
  setServiceCidrsReadable(readable: boolean): void {
    this.#serviceCidrsReadable = readable
    if (readable)
      for (const [key, object] of this.#objects) if (key.startsWith('ServiceCIDR ')) this.#set(object)
    this.#each((builder) => builder.setServiceCidrsReadable(readable))
  }

  setLocalAddresses(texts: readonly string[]): void {
    this.#localAddresses = texts
    const addresses = new Set(texts.map((text) => parseAddress(text)).filter((one) => one !== undefined))
    this.#each((builder) => builder.setLocalAddresses(addresses))
  }

  /** @throws for a family that this cluster was not made for */
  builder(family: IpFamily): TableBuilder {
    const builder = this.#builders.get(family)
    if (builder === undefined) throw new Error(`this cluster has no family ${family}`)
    return builder
  }

  /** As of the last time its builder was drained. */
  table(family: IpFamily): RoutingTable {
    return this.builder(family).table
  }

  #makeBuilders(): void {
    const options = this.#options
    const everyRange = ['0.0.0.0/0', '::/0']
      .map((text) => parseCidr(text))
      .filter((cidr) => cidr !== undefined)
    const nodePortAddresses: NodePortPolicy = options.nodePortAddresses === 'all' ? everyRange : ['primary']
    for (const family of options.families) {
      const builder = new TableBuilder({
        family,
        nodeName: thisNode,
        podSource: options.podSource[family],
        masqueradeAll: options.masqueradeAll,
        nodePortAddresses,
        localhostNodePorts: options.localhostFamilies.includes(family),
      })
      this.#builders.set(family, builder)
    }
  }

  #set(object: object): void {
    const { kind } = object as { kind?: unknown }
    switch (kind) {
      case 'Service': {
        const { key, record } = accepted(parseService(object))
        this.#each((builder) =>
          record === undefined ? builder.removeService(key) : builder.setService(record),
        )
        break
      }
      case 'EndpointSlice': {
        const { key, record } = accepted(parseSlice(object))
        this.#each((builder) => (record === undefined ? builder.removeSlice(key) : builder.setSlice(record)))
        break
      }
      case 'Node': {
        const { record } = accepted(parseNode(object))
        if (record !== undefined) this.#each((builder) => builder.setNode(record))
        break
      }
      case 'ServiceCIDR': {
        const { record } = accepted(parseServiceCidr(object))
        if (record !== undefined) this.#each((builder) => builder.setServiceCidr(record))
        break
      }
      default:
        throw new Error(`the kit has an object of unknown kind ${JSON.stringify(kind)}`)
    }
  }

  #each(act: (builder: TableBuilder) => void): void {
    for (const builder of this.#builders.values()) act(builder)
  }
}

function accepted<Parsed extends { readonly problems: readonly unknown[] }>(parsed: Parsed): Parsed {
  if (parsed.problems.length > 0)
    throw new Error(`the core refuses an object of the kit: ${JSON.stringify(parsed.problems)}`)
  return parsed
}
