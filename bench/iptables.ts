/**
 * What a node pays with the iptables dataplane, and with kube-proxy's chain layout for the same table:
 * `npx node bench/iptables.ts [SERVICES...]` (as root; default 1000 10000; VARIANTS=legacy,nft LAYOUTS=ours,upstream).
 *
 * Services of 10 endpoints each, on a virtual node: everything from nothing, then one endpoint of one Service replaced
 * at a time, what reading back and looking for disturbance cost, and what a TCP connect costs to the first Service, the
 * last one, and the slowest of 32. CPU is that of this process and of the tools that it ran. Upstream's lines are
 * computed here too and go through the same tool; nothing is read back for them, which kube-proxy does.
 */
import { readFileSync } from 'node:fs'
import type { Address, Cidr, Endpoint, RouteKey, RoutingTable, ServiceRoute } from '@portolan/core'
import { emptyTable, fullDifference } from '@portolan/core'
import iptables from '@portolan/dataplane-iptables'
import { createLab, type Lab, podAddress } from '@portolan/lab'
import upstreamIptables from './baselines/upstream-iptables.ts'
import { measureConnects } from './measure/connect-cost.ts'

const endpointsPerService = 10
const changes = 15
const connects = 2000
const sampled = 32
const firstPort = 9000

const asked = process.argv.slice(2).map(Number)
const sizes = asked.length > 0 ? asked : [1000, 10_000]
const variants = (process.env.VARIANTS ?? 'legacy,nft').split(',')
const layouts = (process.env.LAYOUTS ?? 'ours,upstream').split(',')

for (const services of sizes) {
  for (const variant of variants) {
    if (layouts.includes('ours')) await withNode((lab) => measureOurs(lab, variant, services))
    if (layouts.includes('upstream')) await withNode((lab) => measureUpstream(lab, variant, services))
  }
}

async function withNode(measure: (lab: Lab) => Promise<void>): Promise<void> {
  await using lab = await createLab({ pods: 1 })
  for (let index = 0; index < endpointsPerService; index++)
    await lab.pods[0]?.serve('TCP', podAddress('IPv4', 0), firstPort + index)
  await measure(lab)
}

async function measureOurs(lab: Lab, variant: string, services: number): Promise<void> {
  const { networkNamespace } = lab.node
  const dataplane = iptables({ masqueradeBit: 14, networkNamespace, settings: { variant } })
  const table = generatedTable(services)
  const start = usage()
  await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), table))
  tell(`${variant}, ours, ${services} Services x ${endpointsPerService}`, `from nothing ${since(start)}`)

  let lines = 0
  const costs: Cost[] = []
  for (let turn = 0; turn < changes; turn++) {
    const { before, after } = replaced(services, turn)
    const change = fullDifference(tableOf([before]), tableOf([after]))
    const begun = usage()
    const program = dataplane.compile({ ...change, table })
    await dataplane.apply(program)
    costs.push(since(begun))
    lines = dataplane.print(program).trim().split('\n').length
    await dataplane.apply(
      dataplane.compile({ ...fullDifference(tableOf([after]), tableOf([before])), table }),
    )
  }
  tell('  one endpoint replaced', `${spread(costs)}, ${lines} lines`)
  const read = usage()
  const difference = dataplane.reconcile(await dataplane.observe('IPv4'), table)
  tell('  read back and compared', `${since(read)}, ${dataplane.measure(difference).operations} operations`)
  const look = usage()
  const quiet = await dataplane.isUnchanged('IPv4')
  tell('  looked for disturbance', `${since(look)}, ${quiet ? 'quiet' : 'disturbed'}`)
  tellConnects(lab, services)
  await dataplane.stop()
}

async function measureUpstream(lab: Lab, variant: string, services: number): Promise<void> {
  const { networkNamespace } = lab.node
  const dataplane = upstreamIptables({ masqueradeBit: 14, networkNamespace, settings: { variant } })
  const table = generatedTable(services)
  const start = usage()
  await dataplane.apply(dataplane.reconcile(undefined, table))
  tell(
    `${variant}, upstream's layout, ${services} Services x ${endpointsPerService}`,
    `from nothing ${since(start)}`,
  )
  let lines = 0
  const costs: Cost[] = []
  for (let turn = 0; turn < 5; turn++) {
    const { before, after } = replaced(services, turn)
    const begun = usage()
    const program = dataplane.compile({ ...fullDifference(tableOf([before]), tableOf([after])), table })
    await dataplane.apply(program)
    costs.push(since(begun))
    lines = dataplane.measure(program).operations
    await dataplane.apply(
      dataplane.compile({ ...fullDifference(tableOf([after]), tableOf([before])), table }),
    )
  }
  tell('  one endpoint replaced', `${spread(costs)}, ${lines} lines`)
  tellConnects(lab, services)
}

function tellConnects(lab: Lab, services: number): void {
  const cost = (number: number) =>
    median(measureConnects(lab.node.networkNamespace, { address: vip(number), port: 80 }, connects))
  // Once before, for caches.
  cost(0)
  const [first, last] = [cost(0), cost(services - 1)]
  const others = Array.from({ length: sampled }, (_, index) => cost(sampleOf(services, index)))
  const bare = median(
    measureConnects(lab.node.networkNamespace, { address: podAddress('IPv4', 0), port: firstPort }, connects),
  )
  const texts = [first, last, Math.max(...others), bare].map((one) => one.toFixed(1))
  tell(
    '  TCP connect p50',
    `first Service ${texts[0]} us, last ${texts[1]}, slowest of ${sampled} ${texts[2]}, no Service ${texts[3]}`,
  )
}

function tell(what: string, figures: string): void {
  console.log(`${what}: ${figures}`)
}

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
  /** For a person, in seconds. */
  toString(): string
}

interface Usage {
  readonly at: number
  readonly cpuMs: number
}

/** CPU of this process and of the tools that have ended; see proc(5), stat: utime, stime, cutime, cstime. */
function usage(): Usage {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return { at: performance.now(), cpuMs: ticks * 10 }
}

function since(begun: Usage): Cost {
  const now = usage()
  const [wallMs, cpuMs] = [now.at - begun.at, now.cpuMs - begun.cpuMs]
  return {
    wallMs,
    cpuMs,
    toString: () => `${(wallMs / 1000).toFixed(2)} s (CPU ${(cpuMs / 1000).toFixed(2)})`,
  }
}

function spread(costs: readonly Cost[]): string {
  const [wall, cpu] = [costs.map(({ wallMs }) => wallMs), costs.map(({ cpuMs }) => cpuMs)]
  const max = Math.max(...wall)
  return `p50 ${median(wall).toFixed(0)} ms, max ${max.toFixed(0)} ms, CPU p50 ${median(cpu).toFixed(0)} ms`
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

/** Drawn at random as ClusterIPs are: an odd multiple keeps them different. */
function vip(number: number): Address {
  const drawn = ((number + 1) * 2_654_435_761) % 2 ** 20
  return `10.${96 + (drawn >>> 16)}.${(drawn >>> 8) & 255}.${drawn & 255}` as Address
}

function sampleOf(services: number, index: number): number {
  return Math.floor((index * (services - 1)) / (sampled - 1))
}

function generatedTable(services: number): RoutingTable {
  const samples = new Set(Array.from({ length: sampled }, (_, index) => sampleOf(services, index)))
  return tableOf(
    Array.from({ length: services }, (_, number) =>
      generatedRoute(number, samples.has(number) ? servedEndpoints() : endpointsOf(number, 0)),
    ),
  )
}

function tableOf(routes: readonly ServiceRoute[]): RoutingTable {
  return {
    ...emptyTable('IPv4', { by: 'cidr', cidr: '10.1.0.0/16' as Cidr }),
    routes: new Map(routes.map((route) => [route.key, route])),
    clusterIPs: new Set(routes.flatMap(({ frontends }) => frontends.flatMap(({ address }) => address ?? []))),
    nodePortAddresses: new Set(['172.20.0.2' as Address]),
    serviceCidrs: new Set(['10.96.0.0/12' as Cidr]),
  }
}

/** A Service whose endpoints nobody asks for, before and after one was replaced. */
function replaced(services: number, turn: number): { before: ServiceRoute; after: ServiceRoute } {
  let number = ((turn + 1) * 7919) % services
  while (Array.from({ length: sampled }, (_, index) => sampleOf(services, index)).includes(number)) number++
  return {
    before: generatedRoute(number, endpointsOf(number, 0)),
    after: generatedRoute(number, endpointsOf(number, 1)),
  }
}

/** Endpoint number 3 is another one in version 1. */
function endpointsOf(service: number, version: number): Endpoint[] {
  return Array.from({ length: endpointsPerService }, (_, index) => {
    const number = service * endpointsPerService + index
    const [low, high] = [number & 255, (number >>> 8) & 255]
    const network = index === 3 && version === 1 ? 200 : 128 + (number >>> 16)
    return { address: `10.${network}.${high}.${low}` as Address, port: 8080, local: false }
  })
}

function servedEndpoints(): Endpoint[] {
  return Array.from({ length: endpointsPerService }, (_, index) => ({
    address: podAddress('IPv4', 0) as Address,
    port: firstPort + index,
    local: true,
  }))
}

function generatedRoute(number: number, endpoints: readonly Endpoint[]): ServiceRoute {
  const balance = (masquerade: boolean) => ({ do: 'balance', over: 'cluster', masquerade }) as const
  const name = `ns-${number % 100}/service-${number}:http`
  return {
    key: `${name}/TCP` as RouteKey,
    name,
    protocol: 'TCP',
    family: 'IPv4',
    endpoints: { cluster: endpoints, local: [] },
    frontends: [
      {
        kind: 'ClusterIP',
        address: vip(number),
        port: 80,
        verdicts: { pod: balance(false), node: balance(true), outside: balance(true) },
      },
    ],
  }
}
