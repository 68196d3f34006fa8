import {
  type Address,
  type Cidr,
  type IpFamily,
  ipFamilies,
  type PodSource,
  type RoutingTable,
} from '@portolan/core'
import { TableBuilder } from '@portolan/core/table'
import { podBridge, podInterfacePrefix } from '@portolan/lab'
import { nodeName } from './address-plan.ts'
import type { NodeSetup, Sequence, Step } from './sequence.ts'

type ClusterStep = Extract<Step, { do: 'set' | 'remove' | 'local-addresses' }>

/**
 * The tables that a sequence ends with, without any dataplane.
 *
 * @param localhostFamilies those in which the dataplane can have NodePorts at loopback
 */
export function tablesAfter(
  { node, steps }: Sequence,
  localhostFamilies: readonly IpFamily[],
): ReadonlyMap<IpFamily, RoutingTable> {
  const cluster = new LiveCluster(node, localhostFamilies)
  for (const step of steps)
    if (step.do === 'set' || step.do === 'remove' || step.do === 'local-addresses') cluster.change(step)
  cluster.relist()
  return new Map(node.families.map((family) => [family, cluster.table(family)]))
}

/** The cluster's objects as they are now, and the tables that the core makes of them. */
export class LiveCluster {
  readonly #setup: NodeSetup
  readonly #localhostFamilies: readonly IpFamily[]
  /** The last step of each object. */
  readonly #last = new Map<string, ClusterStep>()
  #builders: ReadonlyMap<IpFamily, TableBuilder>

  /** @param localhostFamilies those in which the dataplane can have NodePorts at loopback */
  constructor(setup: NodeSetup, localhostFamilies: readonly IpFamily[]) {
    this.#setup = setup
    this.#localhostFamilies = localhostFamilies
    this.#builders = this.#newBuilders()
  }

  change(step: ClusterStep): void {
    const name =
      step.do === 'set'
        ? `${step.record.kind} ${step.record.key}`
        : step.do === 'remove'
          ? `${step.kind} ${step.key}`
          : 'local addresses'
    if (step.do === 'remove') this.#last.delete(name)
    else this.#last.set(name, step)
    for (const builder of this.#builders.values()) send(builder, step)
  }

  /** As a process that starts: without a history, and told of the objects in another order. */
  relist(): void {
    this.#builders = this.#newBuilders()
    for (const step of [...this.#last.values()].reverse())
      for (const builder of this.#builders.values()) send(builder, step)
    for (const builder of this.#builders.values()) builder.drain()
  }

  builder(family: IpFamily): TableBuilder {
    const builder = this.#builders.get(family)
    if (builder === undefined) throw new Error(`this node has no ${family}`)
    return builder
  }

  table(family: IpFamily): RoutingTable {
    return this.builder(family).table
  }

  #newBuilders(): ReadonlyMap<IpFamily, TableBuilder> {
    const { families, masqueradeAll, nodePortAddresses, localAddresses } = this.#setup
    const builders = new Map(
      ipFamilies
        .filter((family) => families.includes(family))
        .map((family) => [
          family,
          new TableBuilder({
            family,
            nodeName,
            podSource: podSource(this.#setup, family),
            masqueradeAll,
            nodePortAddresses: nodePortAddresses === 'primary' ? ['primary'] : everyRange,
            localhostNodePorts: this.#localhostFamilies.includes(family),
          }),
        ]),
    )
    if (localAddresses !== undefined)
      for (const builder of builders.values())
        send(builder, { do: 'local-addresses', addresses: localAddresses })
    return builders
  }
}

const everyRange = ['0.0.0.0/0', '::/0'] as Cidr[]

function podSource({ detector }: NodeSetup, family: IpFamily): PodSource {
  switch (detector) {
    case 'none':
      return { by: 'none' }
    case 'interface':
      return { by: 'interface', name: podBridge }
    case 'interfacePrefix':
      return { by: 'interfacePrefix', prefix: podInterfacePrefix }
    case 'cidr':
      return { by: 'cidr', cidr: (family === 'IPv4' ? '10.1.0.0/16' : 'fd00:10:1::/48') as Cidr }
  }
}

function send(builder: TableBuilder, step: ClusterStep): void {
  if (step.do === 'local-addresses') {
    builder.setLocalAddresses(new Set(step.addresses as Address[]))
  } else if (step.do === 'remove') {
    if (step.kind === 'Service') builder.removeService(step.key)
    else if (step.kind === 'EndpointSlice') builder.removeSlice(step.key)
    else builder.removeServiceCidr(step.key)
  } else {
    const { record } = step
    if (record.kind === 'Service') builder.setService(record)
    else if (record.kind === 'EndpointSlice') builder.setSlice(record)
    else if (record.kind === 'Node') builder.setNode(record)
    else builder.setServiceCidr(record)
  }
}
