/**
 * What the core alone costs: `npx node bench/table.ts [services ...]`. Parses and builds a cluster of so many Services
 * with 10 endpoints each, then changes one endpoint at a time: slice in, change out, before any dataplane.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseService, parseSlice } from '@portolan/core/cluster'
import { AppliedTable, TableBuilder } from '@portolan/core/table'

const endpointsPerService = 10
const changes = 20_000

setFlagsFromString('--expose-gc')
const collectGarbage: unknown = runInNewContext('gc')

function heapMegabytes(): number {
  if (typeof collectGarbage === 'function') collectGarbage()
  return process.memoryUsage().heapUsed / 2 ** 20
}

/** JSON text, as it comes from an API server, so that no string is shared from the start. */
function serviceText(index: number): string {
  return JSON.stringify({
    metadata: { name: `service-${index}`, namespace: `namespace-${index % 100}` },
    spec: {
      type: 'ClusterIP',
      clusterIP: `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }],
    },
  })
}

function sliceText(index: number, changed: number): string {
  return JSON.stringify({
    metadata: {
      name: `service-${index}-abcde`,
      namespace: `namespace-${index % 100}`,
      labels: { 'kubernetes.io/service-name': `service-${index}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length: endpointsPerService }, (_, at) => {
      const number = index * endpointsPerService + at
      const usual = `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`
      return {
        addresses: [at === 3 ? `10.64.${index & 255}.${changed}` : usual],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: `node-${number % 500}`,
        zone: `zone-${number % 3}`,
      }
    }),
  })
}

function measure(services: number): Record<string, number | string> {
  const heapBefore = heapMegabytes()
  const builder = new TableBuilder({ family: 'IPv4', nodeName: 'node-1', podSource: { by: 'none' } })
  const applied = new AppliedTable(builder.table)
  let parseTime = 0
  let buildTime = 0
  for (let index = 0; index < services; index++) {
    const rawService: unknown = JSON.parse(serviceText(index))
    const rawSlice: unknown = JSON.parse(sliceText(index, 255))
    const begun = performance.now()
    const service = parseService(rawService).record
    const slice = parseSlice(rawSlice).record
    const parsed = performance.now()
    if (service !== undefined) builder.setService(service)
    if (slice !== undefined) builder.setSlice(slice)
    parseTime += parsed - begun
    buildTime += performance.now() - parsed
  }
  const begun = performance.now()
  applied.advance(applied.difference(builder.table, builder.drain()))
  buildTime += performance.now() - begun
  const heap = heapMegabytes() - heapBefore

  const times: number[] = []
  for (let round = 0; round < changes; round++) {
    const index = (round * 7919) % services
    // A prime, so that a Service that has its turn again gets another address than last time.
    const raw: unknown = JSON.parse(sliceText(index, round % 251))
    const slice = parseSlice(raw).record
    if (slice === undefined) continue
    const start = performance.now()
    builder.setSlice(slice)
    const change = applied.difference(builder.table, builder.drain())
    times.push((performance.now() - start) * 1000)
    if (change.routes.length !== 1) throw new Error(`round ${round} changed ${change.routes.length} routes`)
    applied.advance(change)
  }
  times.sort((a, b) => a - b)
  const quantile = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1)
  return {
    services,
    routes: builder.table.routes.size,
    'parse ms': Math.round(parseTime),
    'build ms': Math.round(buildTime),
    'heap MiB': Math.round(heap),
    'change p50 µs': quantile(0.5),
    'change p99 µs': quantile(0.99),
  }
}

const asked = process.argv.slice(2).map(Number)
const sizes = asked.length > 0 ? asked : [1_000, 10_000, 30_000, 100_000]
console.table(sizes.map(measure))
