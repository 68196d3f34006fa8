/**
 * What it costs to bring a cluster from an API server into records: CPU and memory of the client process alone, over
 * TLS and HTTP/2, then of a stream of slice events. Usage: node bench/source.ts [SERVICES...]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiServer } from '@portolan/api-server'
import type { ClusterRecord, RecordKind } from '@portolan/core/cluster'
import { kubernetesSource } from '@portolan/core/source'
import { endpointsPerSlice, generatedCluster, generatedService, generatedSlice } from './generated-cluster.ts'

/** Two ports a Service. */
const ports = 2
const events = 20_000

interface Report {
  readonly cpuSeconds: number
  readonly wallSeconds: number
  readonly peakRssMiB: number
  readonly heapMiB: number
}

if (process.send === undefined) await measureAll(process.argv.slice(2).map(Number))
else await runClient()

async function measureAll(sizes: readonly number[]): Promise<void> {
  for (const services of sizes.length > 0 ? sizes : [10_000, 30_000]) await measure(services)
}

async function measure(services: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'portolan-bench-'))
  const server = new ApiServer({ tokens: ['bench'] })
  await server.start()
  try {
    server.load(generatedCluster(services, ports))
    await writeFile(join(directory, 'token'), 'bench')
    await writeFile(join(directory, 'ca.crt'), server.certificateAuthority ?? '')
    const { hostname, port } = new URL(server.url)
    const client = fork(fileURLToPath(import.meta.url), [directory], {
      execArgv: ['--expose-gc'],
      env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    })
    const listed = await reportOf(client)
    console.log(
      `${services} Services and slices of ${endpointsPerSlice}, list to records: ${describe(listed)}`,
    )
    for (let event = 0; event < events; event++) {
      server.apply(generatedSlice(event % Math.min(services, 1000), ports, event))
      // Lets the watch be written now and then, as events come in a cluster.
      if (event % 100 === 0) await new Promise(setImmediate)
    }
    server.apply({
      ...generatedService(0, ports),
      metadata: { name: 'last', namespace: 'ns-0' },
    })
    const streamed = await reportOf(client)
    const perSecond = Math.round(events / streamed.cpuSeconds)
    console.log(`  then ${events} slice events: ${perSecond} per CPU second; ${describe(streamed)}`)
    client.disconnect()
    await once(client, 'exit')
  } finally {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function reportOf(client: ChildProcess): Promise<Report> {
  const [report] = await once(client, 'message')
  return report as Report
}

function describe(report: Report): string {
  return `${report.cpuSeconds.toFixed(2)} s CPU, ${report.wallSeconds.toFixed(2)} s wall, peak RSS ${report.peakRssMiB} MiB, heap kept ${report.heapMiB} MiB`
}

async function runClient(): Promise<void> {
  const records = new Map<string, ClusterRecord>()
  const waiting = new Set<RecordKind>(['Service', 'EndpointSlice', 'Node', 'ServiceCIDR'])
  let cpu = process.cpuUsage()
  let startedAt = performance.now()
  const report = () => {
    const { user, system } = process.cpuUsage(cpu)
    const wallSeconds = (performance.now() - startedAt) / 1000
    const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024)
    globalThis.gc?.()
    const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20)
    process.send?.({ cpuSeconds: (user + system) / 1e6, wallSeconds, peakRssMiB, heapMiB } satisfies Report)
    cpu = process.cpuUsage()
    startedAt = performance.now()
  }
  const ignore = () => {}
  const source = kubernetesSource({
    nodeName: 'node-1',
    serviceAccountDirectory: process.argv[2] ?? '',
    logger: { debug: ignore, info: ignore, warn: console.error, error: console.error },
  })
  await source.start({
    set(record) {
      records.set(`${record.kind} ${record.key}`, record)
      if (record.key === 'ns-0/last') setImmediate(report)
    },
    remove: (kind, key) => records.delete(`${kind} ${key}`),
    synced(kind) {
      waiting.delete(kind)
      if (waiting.size === 0) report()
    },
    problem: (problem) => console.error(problem),
  })
  process.once('disconnect', () => void source.stop())
}
