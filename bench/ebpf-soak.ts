/**
 * Whether the eBPF dataplane's memory grows: `npx node bench/ebpf-soak.ts [UPDATES] [SERVICES]` (as root; default 5000000
 * changes at 100000 Services x 3). Each change replaces one endpoint of one Service, is compiled and applied by itself.
 * Ends with a verdict, and with status 1 if memory has grown. Run it with --max-semi-space-size=4 for what `portolan run`
 * has.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { emptyTable, fullDifference, type ServiceRoute } from '@portolan/core'
import ebpf from '@portolan/dataplane-ebpf'
import { createLab } from '@portolan/lab'
import { changeOf, generatedRoute, generatedTable, nodeAddresses } from './ebpf-table.ts'

const [updates = 5_000_000, services = 100_000] = process.argv.slice(2).map(Number)
const reports = 40
/** Until here V8's heap may grow to what it wants. */
const warmUp = 0.25
/** V8 gives pages back and takes them as it pleases. */
const tolerance = 1.03

interface Sample {
  readonly done: number
  readonly rss: number
}

await using lab = await createLab()
const { networkNamespace } = lab.node
const dataplane = ebpf({ masqueradeBit: 14, networkNamespace, settings: {} })
const empty = { ...emptyTable('IPv4', { by: 'none' }), ...nodeAddresses() }
const table = generatedTable(services)
const routes = table.routes as Map<ServiceRoute['key'], ServiceRoute>
const samples: Sample[] = []
try {
  await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), empty))
  await dataplane.apply(dataplane.compile(fullDifference(empty, table)))
  const begun = performance.now()
  for (let done = 0; done < updates; done++) {
    const number = (done * 7919) % services
    const after = generatedRoute(number, Math.floor(done / services) + 1)
    const before = routes.get(after.key)
    routes.set(after.key, after)
    const change = changeOf(table, [{ key: after.key, ...(before === undefined ? {} : { before }), after }])
    await dataplane.apply(dataplane.compile(change))
    if (done % 1000 === 0) await breathe()
    if ((done + 1) % Math.ceil(updates / reports) === 0) report(done + 1, performance.now() - begun)
  }
  judge()
} finally {
  await dataplane.cleanup()
}

function report(done: number, milliseconds: number): void {
  const { rss, heapUsed, external } = process.memoryUsage()
  samples.push({ done, rss })
  const perSecond = Math.round((done / milliseconds) * 1000)
  console.log(
    `${(milliseconds / 1000).toFixed(0).padStart(5)} s  ${done} changes  ${perSecond}/s  RSS ${mib(rss)}, heap ${mib(heapUsed)}, outside of it ${mib(external)} MiB`,
  )
}

/** The highest of the last half of what came after the warm-up against the highest of its first half. */
function judge(): void {
  const warm = samples.filter(({ done }) => done > updates * warmUp)
  const middle = updates * (warmUp + (1 - warmUp) / 2)
  const highest = (some: readonly Sample[]) => Math.max(...some.map(({ rss }) => rss))
  const first = highest(warm.filter(({ done }) => done <= middle))
  const last = highest(warm.filter(({ done }) => done > middle))
  const grown = last > first * tolerance
  console.log(`RSS at most ${mib(first)} MiB, then ${mib(last)} MiB: ${grown ? 'it grows' : 'no growth'}`)
  if (grown) process.exitCode = 1
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
