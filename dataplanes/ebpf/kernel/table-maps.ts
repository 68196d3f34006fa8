import type { IpFamily } from '@portolan/core'
import type { BpfObject } from '@portolan/native/libbpf'
import { LeftOut } from '../compile/left-out.ts'
import { tableMaps } from '../layout/maps.ts'
import { Numbers } from '../layout/numbers.ts'
import { ElementBatch } from './element-batch.ts'

export type TableMap = (typeof tableMaps)[number]

/** The table's maps, and what applied programs have settled about them. */
export class TableMaps {
  readonly object: BpfObject
  readonly numbers: Numbers
  readonly leftOut: Readonly<Record<IpFamily, LeftOut>> = { IPv4: new LeftOut(), IPv6: new LeftOut() }
  readonly #batches: ReadonlyMap<TableMap, ElementBatch>

  constructor(object: BpfObject) {
    this.object = object
    this.numbers = new Numbers({
      services: object.map('services').maxEntries,
      slots: object.map('endpoints').maxEntries,
    })
    this.#batches = new Map(tableMaps.map((name) => [name, new ElementBatch(object.map(name))]))
  }

  batch(name: TableMap): ElementBatch {
    return this.#batches.get(name) ?? new ElementBatch(this.object.map(name))
  }

  clearBatches(): void {
    for (const batch of this.#batches.values()) batch.clear()
  }
}
