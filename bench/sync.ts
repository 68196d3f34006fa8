/**
 * What a node pays with the nftables dataplane: `npx node bench/sync.ts [SERVICES...]` (as root).
 *
 * For each size: an embedded API server with so many Services of 10 endpoints (one port), and the proxy as a process of
 * its own on a virtual node. Cold start: from the list's first byte to the commit, process start not counted. Then one
 * endpoint at a time is replaced through the API, and the proxy is started again on what the kernel holds. CPU includes
 * the tools that the proxy starts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiServer } from '@portolan/api-server'
import { parseFlags } from '@portolan/core/config'
import { type Applied, startProxy } from '@portolan/core/engine'
import { kubernetesSource } from '@portolan/core/source'
import { createLab } from '@portolan/lab'
import { enterNetworkNamespace } from '@portolan/native'
import { generatedCluster, generatedSlice } from './generated-cluster.ts'

const node = 'node-1'
const ports = 1
const warmUp = 100
const changes = Number(process.env.CHANGES ?? 1000)
const transports = (process.env.TRANSPORTS ?? 'netlink,nft').split(',')

/** What the proxy's process tells of itself. */
type Message =
  | {
      readonly is: 'started'
      /** Kernel operations of the first apply. */
      readonly operations: number
      readonly cpuSeconds: number
      readonly applyCpuSeconds: number
      readonly rssMiB: number
    }
  | { readonly is: 'changed'; readonly begun: number; readonly received: number }
  | {
      readonly is: 'usage'
      readonly cpuSeconds: number
      readonly rssMiB: number
      readonly peakRssMiB: number
    }

if (process.send === undefined) await measureAll(process.argv.slice(2).map(Number))
else await runProxy()

async function measureAll(sizes: readonly number[]): Promise<void> {
  await using lab = await createLab()
  enterNetworkNamespace(lab.node.networkNamespace)
  for (const services of sizes.length > 0 ? sizes : [1000, 10_000, 30_000]) {
    for (const transport of transports) await measure(services, transport)
  }
}

async function measure(services: number, transport: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-bench-'))
  await using server = new ApiServer({ tokens: ['bench'] })
  await server.start()
  server.load(generatedCluster(services, ports))
  server.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: node } })
  // As in a pod: a service account's folder, and the server's address in the environment.
  await writeFile(join(folder, 'token'), 'bench')
  await writeFile(join(folder, 'ca.crt'), server.certificateAuthority ?? '')
  const { hostname, port } = new URL(server.url)
  const start = () =>
    fork(fileURLToPath(import.meta.url), [folder, transport], {
      // As core/cli/portolan.js has it.
      execArgv: ['--max-semi-space-size=4'],
      env: { ...process.env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    })
  let proxy = start()
  try {
    console.log(`${services} Services x 10, ${transport}`)
    console.log(`  cold start: ${describe(await next(proxy, 'started'))}`)
    const count = transport === 'nft' ? Math.min(changes, 100) : changes
    const times: { begun: number; received: number }[] = []
    for (let change = 1; change <= count + warmUp; change++) {
      const changed = next(proxy, 'changed')
      server.apply(generatedSlice((change * 7919) % services, ports, change))
      const time = await changed
      if (change > warmUp) times.push(time)
    }
    const usage = await ask(proxy)
    console.log(`  one endpoint replaced, compute + apply: ${spread(times.map(({ begun }) => begun))}`)
    console.log(`  the same from the event's first byte:   ${spread(times.map(({ received }) => received))}`)
    const each = (usage.cpuSeconds / (count + warmUp)) * 1000
    console.log(
      `  CPU per change ${each.toFixed(2)} ms; RSS ${usage.rssMiB} MiB, peak ${usage.peakRssMiB} MiB`,
    )
    await end(proxy, 'leave')
    proxy = start()
    console.log(`  warm start: ${describe(await next(proxy, 'started'))}`)
    await end(proxy, 'cleanup')
  } finally {
    proxy.kill()
    await rm(folder, { recursive: true, force: true })
  }
}

async function next<Is extends Message['is']>(
  proxy: ChildProcess,
  is: Is,
): Promise<Extract<Message, { is: Is }>> {
  for (;;) {
    const [message] = (await once(proxy, 'message')) as [Message]
    if (message.is === is) return message as Extract<Message, { is: Is }>
  }
}

async function end(proxy: ChildProcess, how: 'leave' | 'cleanup'): Promise<void> {
  const exited = once(proxy, 'exit')
  proxy.send(how)
  await exited
}

function describe(started: Extract<Message, { is: 'started' }>): string {
  const { cpuSeconds, applyCpuSeconds, rssMiB, operations } = started
  return `${cpuSeconds.toFixed(2)} s CPU, of which apply ${applyCpuSeconds.toFixed(2)} s; ${operations} operations; RSS ${rssMiB} MiB`
}

function ask(proxy: ChildProcess): Promise<Extract<Message, { is: 'usage' }>> {
  const usage = next(proxy, 'usage')
  proxy.send('usage')
  return usage
}

function spread(times: number[]): string {
  times.sort((a, b) => a - b)
  const at = (part: number) => (times[Math.floor((times.length - 1) * part)] ?? 0).toFixed(3)
  return `p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  max ${at(1)} ms (${times.length} samples)`
}

async function runProxy(): Promise<void> {
  const [serviceAccountDirectory = '', transport = ''] = process.argv.slice(2)
  const tell = (message: Message) => process.send?.(message)
  const flags = { node, dataplaneOption: [`transport=${transport}`], clusterCidr: '10.128.0.0/9' }
  const ignore = () => {}
  const logger = { debug: ignore, info: ignore, warn: console.error, error: console.error }
  let operations = 0
  const onApplied = ({ why, timings, report }: Applied) => {
    if (why === 'start') operations += report.operations
    if (why !== 'change') return
    const { received = timings.begun, begun, applied } = timings
    tell({ is: 'changed', begun: applied - begun, received: applied - received })
  }
  const proxy = await startProxy({
    config: parseFlags(flags, { inCluster: true }),
    nodeName: node,
    logger,
    source: kubernetesSource({ nodeName: node, serviceAccountDirectory, logger }),
    observer: { onApplied, onFailed: ({ error }) => console.error(error) },
  })
  let since = cpuSeconds()
  await proxy.synced
  const synced = cpuSeconds()
  await proxy.firstApplied
  const applied = cpuSeconds()
  tell({
    is: 'started',
    operations,
    cpuSeconds: applied - since,
    applyCpuSeconds: applied - synced,
    rssMiB: rssMiB(),
  })
  since = applied
  process.on('message', (message) => {
    if (message === 'usage') {
      const peakRssMiB = Math.round(process.resourceUsage().maxRSS / 1024)
      tell({ is: 'usage', cpuSeconds: cpuSeconds() - since, rssMiB: rssMiB(), peakRssMiB })
    } else {
      // The engine would take a cleanup for drift.
      proxy
        .stop()
        .then(() => (message === 'cleanup' ? proxy.dataplane.cleanup() : undefined))
        .then(() => process.exit(0))
    }
  })
}

/** User and system time of this process and of the tools it has started and waited for; good to 0.02 s. */
function cpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticksPerSecond = 100
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond
}

function rssMiB(): number {
  return Math.round(process.memoryUsage.rss() / 2 ** 20)
}
