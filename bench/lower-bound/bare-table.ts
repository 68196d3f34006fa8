import type { ApiObject } from '@portolan/api-server'
import type { Dataplane, RoutingTable, TableChange } from '@portolan/core'
import { parseCidr } from '@portolan/core'
import { parseNode, parseService, parseSlice } from '@portolan/core/cluster'
import { AppliedTable, TableBuilder } from '@portolan/core/table'
import { network } from '@portolan/lab'
import type { ClusterChange } from '../cluster/cluster-change.ts'
import { thisNode } from '../cluster/probe-services.ts'

/** The routing table of the node that is measured, without anything around it: objects in, changes out. */
export class BareTable {
  readonly #builder: TableBuilder
  readonly #applied: AppliedTable

  constructor() {
    const cidr = parseCidr(network.IPv4.clusterCidr)
    this.#builder = new TableBuilder({
      family: 'IPv4',
      nodeName: thisNode,
      podSource: cidr === undefined ? { by: 'none' } : { by: 'cidr', cidr },
    })
    this.#applied = new AppliedTable(this.#builder.table)
  }

  get table(): RoutingTable {
    return this.#builder.table
  }

  /** @returns what is to be applied for it */
  change({ write = [], remove = [] }: ClusterChange): TableChange {
    for (const object of write) this.#set(object)
    for (const { kind, metadata } of remove) {
      const key = `${metadata.namespace}/${metadata.name}`
      if (kind === 'Service') this.#builder.removeService(key)
      else this.#builder.removeSlice(key)
    }
    const change = this.#applied.difference(this.#builder.table, this.#builder.drain())
    this.#applied.advance(change)
    return change
  }

  /** Takes over the order in which a dataplane holds endpoints. */
  adoptOrder(dataplane: Dataplane, observed: unknown): void {
    this.#builder.adoptOrder((route, over) => dataplane.endpointOrder?.(observed, route, over))
  }

  #set(object: ApiObject): void {
    const builder = this.#builder
    switch (object.kind) {
      case 'Service': {
        const { record } = parseService(object)
        if (record !== undefined) builder.setService(record)
        return
      }
      case 'EndpointSlice': {
        const { record } = parseSlice(object)
        if (record !== undefined) builder.setSlice(record)
        return
      }
      case 'Node': {
        const { record } = parseNode(object)
        if (record !== undefined) builder.setNode(record)
        return
      }
      default:
        throw new RangeError(`a bare table takes no ${object.kind}`)
    }
  }
}
