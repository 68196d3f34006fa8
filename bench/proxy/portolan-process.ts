/** `portolan run`'s engine as a process of its own that tells of itself: see PortolanProxy. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Dataplane, ipFamilies, type RoutingTable, type TableChange } from '@portolan/core'
import { parseFlags } from '@portolan/core/config'
import { loadDataplane } from '@portolan/core/dataplane'
import { type Applied, type Failed, observers } from '@portolan/core/engine'
import { ProxyMetrics } from '@portolan/core/metrics'
import { startProxy } from '@portolan/core/proxy'
import { startHealthServers } from '@portolan/core/servers'
import { kubernetesSource } from '@portolan/core/source'
import { network } from '@portolan/lab'
import { thisNode } from '../cluster/probe-services.ts'
import { sinceBoot } from '../measure/clock.ts'
import { report, serveCalls } from '../worker-process/serve-calls.ts'
import { AlternatingObserver } from './alternating-observer.ts'
import { type AppliedEvents, EventTrace } from './event-trace.ts'
import type { ProxyNews, ProxyProcessCalls, ProxyProcessOptions } from './portolan-proxy.ts'

/** Milliseconds between two looks at how late the event loop is. */
const loopResolution = 5
/** No audits: nothing damages the rules here, and reading the kernel back would be measured with the changes. */
const auditPeriod = '0'

const {
  dataplane: name,
  settings,
  networkNamespace,
  callMs,
  serviceAccountDirectory,
  kubeconfig,
} = JSON.parse(process.argv[2] ?? '{}') as ProxyProcessOptions
const server = serviceAccountDirectory === undefined ? { kubeconfig } : { serviceAccountDirectory }
const ignore = () => {}
const logger = { debug: ignore, info: ignore, warn: ignore, error: console.error }
const trace = new EventTrace(sinceBoot)
const firstApplies: Applied[] = []
let quiet = false
let kept: AppliedEvents[] = []
let failNext = false
/** What the dataplane was last given for IPv4. */
let table: RoutingTable | undefined

const config = parseFlags(
  { node: thisNode, clusterCidr: network.IPv4.clusterCidr, auditPeriod },
  { inCluster: true },
)
/** As `portolan run` has them. */
const metrics = new ProxyMetrics({ version: 'bench', dataplane: name })
const health = await startHealthServers({ config, families: ipFamilies, logger })
const watching = new AlternatingObserver([metrics.observer, health.observer], usedUs, Math.random)

const deadlines = callMs && { work: callMs, start: callMs, look: callMs, stop: callMs }
const dataplane = instrumented(
  await loadDataplane(
    name,
    { masqueradeBit: 14, networkNamespace, settings },
    process.cwd(),
    deadlines ? { deadlines } : {},
  ),
)
const proxy = await startProxy({
  config,
  nodeName: thisNode,
  logger,
  dataplane,
  source: trace.follow(
    kubernetesSource({
      nodeName: thisNode,
      ...server,
      logger,
      observer: metrics.apiObserver,
    }),
  ),
  observer: observers([{ onApplied, onFailed }, watching]),
  onHealthCheck: health.onHealthCheck,
})
metrics.measure(proxy)
health.watch(proxy)
const cpuAtCommit = proxy.firstApplied.then(() => process.cpuUsage(trace.cpuAtFirst))
const synced = proxy.synced.then(() => performance.now() + sinceBoot)
const loop = monitorEventLoopDelay({ resolution: loopResolution })

const calls: ProxyProcessCalls = {
  async started() {
    await proxy.firstApplied
    const sum = (of: (applied: Applied) => number) => firstApplies.reduce((total, one) => total + of(one), 0)
    // The two families' applies overlap, so their times are no sum; the other has next to nothing to do.
    const { begun, computed, compiled, applied } = firstApply().timings
    trace.forget()
    return {
      processStarted: sinceBoot,
      received: trace.first ?? 0,
      synced: await synced,
      firstApplied: Math.max(...firstApplies.map(({ timings }) => timings.applied)) + sinceBoot,
      cpuMs: await cpuAtCommit.then(({ user, system }) => (user + system) / 1000),
      degraded: {
        routes: sum(({ report }) => report.degraded.length),
        of: sum(({ totalRoutes }) => totalRoutes),
        reason: firstApply().report.degraded[0]?.reason ?? '',
      },
      operations: sum(({ report }) => report.operations),
      bytes: sum(({ report }) => report.bytes),
      computeMs: computed - begun,
      compileMs: compiled - computed,
      applyMs: applied - compiled,
    }
  },
  async quiet(on) {
    quiet = on
    if (!on) loop.disable()
  },
  async alternate() {
    watching.alternate()
  },
  async takeCosts() {
    return watching.takeCosts()
  },
  async takeTrace() {
    const taken = kept
    kept = []
    return taken
  },
  async eventLoopDelays() {
    // Its timer costs CPU time, too, so it runs only where delays are asked for.
    loop.enable()
    const delays = Array.from({ length: 100 }, (_, at) =>
      Math.max(0, loop.percentile(at + 1) / 1e6 - loopResolution),
    )
    loop.reset()
    return delays
  },
  async cpu() {
    return process.cpuUsage()
  },
  async heapBytes() {
    collectGarbage()
    return process.memoryUsage().heapUsed
  },
  async failOnce() {
    failNext = true
  },
  checkDrift: () => milliseconds(() => dataplane.isUnchanged('IPv4')),
  readBack: () =>
    milliseconds(async () => {
      if (table === undefined) throw new Error('nothing was compiled for IPv4 yet')
      dataplane.reconcile(await dataplane.observe('IPv4'), table)
    }),
  async cleanUp() {
    await proxy.stop()
    return await milliseconds(() => dataplane.cleanup())
  },
  async stop(rules) {
    await proxy.stop()
    if (rules === 'go') await dataplane.cleanup()
    stopped = true
  },
}
let stopped = false

// Left alone in the middle, it leaves nothing behind.
serveCalls(calls, async () => {
  if (!stopped) await calls.stop('go')
})

function firstApply(): Applied {
  const found = firstApplies.find(({ family }) => family === 'IPv4')
  if (found === undefined)
    throw new Error('nothing was applied for IPv4: the benchmark measures nothing else')
  return found
}

function onFailed({ error, failures }: Failed): void {
  // The first may be the one that was made; what goes on failing would be waited for in vain.
  if (failures < 3) return
  const why = error instanceof Error ? error.message : String(error)
  report({ failed: `apply failed ${failures} times in a row: ${why}` } satisfies ProxyNews)
}

function onApplied(applied: Applied): void {
  if (applied.why === 'start') firstApplies.push(applied)
  // Only Services of IPv4 are measured; the other family's table has next to nothing in it.
  if (applied.why === 'start' || applied.family !== 'IPv4') return
  const events = trace.take(applied)
  if (quiet) kept.push(events)
  else report({ applied: events } satisfies ProxyNews)
}

/** Lets one apply fail on demand, and keeps the table that was last compiled, whatever the dataplane is. */
function instrumented(of: Dataplane): Dataplane {
  return new Proxy(of, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target)
      if (typeof value !== 'function') return value
      if (property === 'compile')
        return (change: TableChange) => {
          keep(change.table)
          return target.compile(change)
        }
      if (property === 'reconcile')
        return (held: unknown, whole: RoutingTable) => {
          keep(whole)
          return target.reconcile(held, whole)
        }
      if (property !== 'apply' || !failNext) return value.bind(target)
      return () => {
        failNext = false
        return Promise.reject(new Error('made to fail by the benchmark'))
      }
    },
  })
}

function keep(compiled: RoutingTable): void {
  if (compiled.family === 'IPv4') table = compiled
}

function usedUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

async function milliseconds(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return performance.now() - begun
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}
