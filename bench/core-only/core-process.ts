/** What the core alone costs: objects to records to a routing table, and then one change at a time. */
import { parseService, parseSlice } from '@portolan/core/cluster'
import { AppliedTable, TableBuilder } from '@portolan/core/table'
import { type ClusterShape, GeneratedCluster } from '../cluster/generated-cluster.ts'
import { endpointReplaced } from '../scenarios/endpoint-replaced.ts'
import { serveCalls } from '../worker-process/serve-calls.ts'

export interface CoreFigures {
  readonly parseMs: number
  readonly buildMs: number
  readonly heapBytes: number
  readonly peakRssBytes: number
  /** Microseconds of each change: a record in, the difference of the table out. */
  readonly changesUs: readonly number[]
}

serveCalls({ measure }, async () => {})

async function measure(shape: ClusterShape, changes: number): Promise<CoreFigures> {
  const heapBefore = heapBytes()
  const cluster = new GeneratedCluster(shape)
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'node-1', podSource: { by: 'none' } })
  const applied = new AppliedTable(builder.table)
  let parseMs = 0
  let buildMs = 0
  for (const object of cluster.objects()) {
    // Through text, as from an API server, so that no string is shared from the start.
    const text = JSON.stringify(object)
    const begun = performance.now()
    const raw: unknown = JSON.parse(text)
    const service = object.kind === 'Service' ? parseService(raw).record : undefined
    const slice = object.kind === 'EndpointSlice' ? parseSlice(raw).record : undefined
    const parsed = performance.now()
    if (service !== undefined) builder.setService(service)
    if (slice !== undefined) builder.setSlice(slice)
    parseMs += parsed - begun
    buildMs += performance.now() - parsed
  }
  const begun = performance.now()
  applied.advance(applied.difference(builder.table, builder.drain()))
  buildMs += performance.now() - begun
  const heapAfter = heapBytes()

  const changesUs: number[] = []
  for (let turn = 0; turn < changes; turn++) {
    const [object] = endpointReplaced.change(cluster, turn, changes).write ?? []
    const slice = parseSlice(JSON.parse(JSON.stringify(object))).record
    if (slice === undefined) throw new Error(`turn ${turn} made a slice that can't be parsed`)
    const start = performance.now()
    builder.setSlice(slice)
    const change = applied.difference(builder.table, builder.drain())
    changesUs.push((performance.now() - start) * 1000)
    if (change.routes.length !== 1) throw new Error(`turn ${turn} changed ${change.routes.length} routes`)
    applied.advance(change)
  }
  const peakRssBytes = process.resourceUsage().maxRSS * 1024
  return { parseMs, buildMs, heapBytes: heapAfter - heapBefore, peakRssBytes, changesUs }
}

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
