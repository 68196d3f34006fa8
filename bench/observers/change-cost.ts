/**
 * What metrics and healthz cost a change: `node bench/observers/change-cost.ts [DATAPLANE] [PROCESSES] [SERVICES] [ENDPOINTS]`,
 * as root; defaults nftables, 3, 10000 and 10, some four minutes.
 *
 * A process has some changes with them and some without in turns, a few each time, so that it differs from itself in nothing
 * else, and what the machine does besides befalls both. The median of the differences of neighbors counts, and CPU time more
 * than time. Several processes, for V8 compiles no two alike.
 */
import type { ApiServerAddress } from '../cluster/api-server.ts'
import { startApiServer } from '../cluster/api-server.ts'
import { median } from '../measure/quantiles.ts'
import type { ObservedCosts } from '../proxy/alternating-observer.ts'
import { parseDataplaneName } from '../proxy/lab-settings.ts'
import { PortolanProxy } from '../proxy/portolan-proxy.ts'
import { createBenchLab } from '../run/bench-lab.ts'
import { takeTraced } from '../scenarios/traced.ts'

const dataplane = process.argv[2] ?? 'nftables'
const [processes = 3, services = 10_000, endpointsPerService = 10] = process.argv.slice(3, 6).map(Number)

const changesPerSecond = 200
/** In which V8 compiles what is hot, and what was allocated at the start grows old. */
const warmUpSeconds = 10
const seconds = 60

async function costsIn(address: ApiServerAddress): Promise<ObservedCosts> {
  const proxy = new PortolanProxy(parseDataplaneName(dataplane))
  await proxy.start(lab.node, address)
  try {
    const { internals } = proxy
    await internals.started()
    await internals.quiet(true)
    const churn = async (forSeconds: number) => {
      const sent = await server.call('churn', changesPerSecond, forSeconds)
      await takeTraced(internals, sent.length)
    }
    await churn(warmUpSeconds)
    await internals.alternate()
    await churn(seconds)
    return await internals.takeCosts()
  } finally {
    await proxy.stop('go')
  }
}

/** @returns by how much one with them is more, in percent */
function tell(what: string, { cpu, latency }: ObservedCosts): number {
  const without = median(cpu.without)
  const more = median(cpu.with.map((one, at) => one - (cpu.without[at] ?? one)))
  const percent = (more / without) * 100
  const latencies = [latency.without, latency.with].map((all) => `${median(all).toFixed(0)}`)
  console.log(
    `${what}: metrics and healthz cost a change ${more.toFixed(1)} µs of CPU, ${percent.toFixed(1)} % of ` +
      `${without.toFixed(0)}; until it is in the kernel ${latencies.join(' µs without, with ')} µs`,
  )
  return percent
}

await using lab = await createBenchLab()
const server = startApiServer(lab.node.networkNamespace)
try {
  const address = await server.call('load', { from: 'generated', shape: { services, endpointsPerService } })
  const percents: number[] = []
  for (let number = 1; number <= processes; number++)
    percents.push(tell(`process ${number}`, await costsIn(address)))
  console.log(
    `${dataplane} at ${services} x ${endpointsPerService}: ${median(percents).toFixed(1)} % of a change's CPU time`,
  )
} finally {
  await server.end()
}
