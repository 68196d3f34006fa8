import { hostname } from 'node:os'
import type { Flags } from '../config/config-flags.ts'
import type { ConfigWatch } from '../config/config-watch.ts'
import { nodeName } from '../config/node-name.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { printSocketAddress } from '../config/socket-address.ts'
import { thrownMessage } from '../dataplane/dataplane-error.ts'
import { observers } from '../engine/observers.ts'
import { DriftEvents } from '../events/drift-events.ts'
import { EventRecorder } from '../events/event-recorder.ts'
import {
  kubeProxyBeside,
  objectProblem,
  proxyHealthCheckFailed,
  serviceHealthCheckFailed,
  starting,
} from '../events/proxy-events.ts'
import { ProxyMetrics } from '../metrics/proxy-metrics.ts'
import { usableFamilies } from '../network/usable-families.ts'
import { KubeProxyWatch } from '../node/kube-proxy-watch.ts'
import { oneAtATime } from '../node/one-at-a-time.ts'
import { setOomScore } from '../node/oom-score.ts'
import { prepareNode } from '../node/prepare-node.ts'
import { type RunningProxy, startProxy } from '../proxy/proxy.ts'
import { DriftLog } from '../servers/drift-log.ts'
import type { HealthProblem } from '../servers/health-problems.ts'
import { startHealthServers } from '../servers/health-servers.ts'
import { startMetricsServer } from '../servers/metrics-server.ts'
import { ProxyStatus } from '../servers/proxy-status.ts'
import { systemClock } from '../time/clock.ts'
import { ApplyLog } from './apply-log.ts'
import { chooseNode } from './choose-node.ts'
import { keptSets } from './kept-sets.ts'
import { createLogger, type ProcessLogger } from './log.ts'
import { problemLines } from './problem-lines.ts'
import { problemSummary } from './problem-summary.ts'
import { readCluster } from './read-cluster.ts'
import { readConfig } from './read-config.ts'
import { runOnce } from './run-once.ts'
import { onStopSignals } from './stop-signals.ts'
import { tellConfig } from './tell-config.ts'
import { thisProcess } from './this-process.ts'
import { exitCodes } from './user-error.ts'
import { readVersion } from './version.ts'
import { warnOfFamilies } from './warn-of-families.ts'
import { watchConfig } from './watch-config.ts'

/** Milliseconds from the end of everything to the end of the process, at most. */
const leftOpenGrace = 2000

/** Milliseconds between two looks whether there are new problems to sum up. */
const problemPeriod = 600_000

/** Milliseconds until it is told what the start waits for, and between two such lines. */
const progress = { first: 2_000, every: 10_000 }

/**
 * Keeps this node's rules until SIGTERM or SIGINT, and leaves them in place then.
 *
 * @throws whatever makes it impossible to start or to go on; the rules stay then too.
 */
export async function run(flags: Flags): Promise<void> {
  const begun = performance.now()
  if (await runOnce(flags)) return
  const resolved = await readConfig(flags)
  const { config } = resolved
  const node = await ownNodeName(config)
  const logger = await createLogger(config.logLevel)
  const versions = { portolan: readVersion(), nodejs: process.versions.node }
  const stopEnding = endOnSignals(logger)
  logger.info(
    { event: 'starting', ...versions, dataplane: config.dataplane, node, pid: process.pid },
    'starting',
  )
  tellConfig(resolved, logger)
  endOnStrayErrors(logger)
  const self = thisProcess('run')
  const metricsAt = config.servers.metrics === undefined ? 'none' : printSocketAddress(config.servers.metrics)
  await oneAtATime({ ...self, dataplane: config.dataplane, metrics: metricsAt })
  await setOomScore(config.oomScoreAdj, logger)
  const applyLog = new ApplyLog(logger)
  const events = new EventRecorder({
    nodeName: node,
    logger,
    clock: systemClock,
    date: Date.now,
    random: Math.random,
  })
  const driftLog = new DriftLog(Date.now)
  const metrics = new ProxyMetrics({ version: versions.portolan, dataplane: config.dataplane })
  const kubeProxy = new KubeProxyWatch({
    logger,
    onFound: (rules) => events.record(kubeProxyBeside(node, rules)),
  })
  const families = await usableFamilies()
  const status = new ProxyStatus({
    version: versions.portolan,
    dataplane: config.dataplane,
    pid: process.pid,
    startedAt: Date.parse(self.since),
    syncPeriod: config.syncPeriod,
    driftLog,
    problems: () => kubeProxyProblems(kubeProxy),
    now: () => performance.now(),
    wallClock: Date.now,
  })
  await using health = await startHealthServers({
    config,
    families,
    logger,
    problems: () => kubeProxyProblems(kubeProxy),
    onAnswer: (path, status) => metrics.health.answered(path, status),
    onUnavailable: (message) => events.record(proxyHealthCheckFailed(node, message)),
    onServiceUnavailable: (service, port, message) =>
      events.record(serviceHealthCheckFailed(service, port, message)),
  })
  // Before anything is written: an address that can't be had may end the start.
  await using metricsServer = await startMetricsServer({
    config,
    families,
    metrics,
    driftLog,
    status,
    logger,
  })
  const tellProblem = problemLines(logger)
  const proxy = await startProxy({
    config,
    nodeName: node,
    logger,
    observer: observers([
      applyLog,
      new DriftEvents(events, node, config.dataplane),
      driftLog,
      status,
      metrics.observer,
      health.observer,
    ]),
    apiObserver: metrics.apiObserver,
    prepare: async () => void (await prepareNode({ config, logger })),
    onHealthCheck: health.onHealthCheck,
    onProblem: (problem) => {
      tellProblem(problem)
      events.record(objectProblem(problem))
    },
  })
  health.watch(proxy)
  events.record(starting(node, versions.portolan, config.dataplane))
  if (proxy.source.api === undefined) events.stop()
  else events.start(proxy.source.api)
  logger.info(
    {
      event: 'dataplane-usable',
      families: proxy.families,
      source: proxy.source.description,
      ...proxy.probe.facts,
    },
    `dataplane ${proxy.dataplane.name} can run here`,
  )
  warnOfFamilies(config, proxy.families, logger)
  const stopTelling = tellProgress(proxy, config, logger, begun)
  const stopCounting = countProblems(proxy, logger)
  const stop = stopOnSignals(proxy, logger)
  stopEnding()
  kubeProxy.start()
  let configWatch: ConfigWatch | undefined
  try {
    metrics.measure(proxy)
    metricsServer.watch(proxy)
    configWatch = await watchConfig(flags, resolved, logger)
    await Promise.race([proxy.ended, ...(configWatch === undefined ? [] : [configWatch.changed])])
    await proxy.stop()
    logger.info({ event: 'stopped' }, 'stopped; the rules stay in place')
  } finally {
    stop()
    stopTelling()
    stopCounting()
    applyLog.stop()
    kubeProxy.stop()
    configWatch?.stop()
    events.stop()
    await proxy.stop()
    endSoon(logger)
  }
}

/** Both proxies translate, so that what this one programs may have no effect. */
function kubeProxyProblems({ found }: KubeProxyWatch): readonly HealthProblem[] {
  return found.size === 0 ? [] : [{ problem: 'kube-proxy-beside', layouts: [...found.keys()] }]
}

/** An error that no caller waits for (a dataplane's timer, a promise without a handler) ends the process by a log line. */
function endOnStrayErrors(logger: ProcessLogger): void {
  const end = (error: unknown): void => {
    const { stack } = error as { readonly stack?: unknown }
    logger.fatal(
      { event: 'stray-error', ...(typeof stack === 'string' ? { stack } : {}) },
      `an error that nothing waited for: ${thrownMessage(error)}; the process ends, and the rules stay in place. ` +
        "Report it, with the stack, to the author of the dataplane, or to Portolan's",
    )
    process.exit(exitCodes.failure)
  }
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}

/** Timers and sockets that a dataplane has left open don't keep a stopped process. */
function endSoon(logger: ProcessLogger): void {
  const end = (): void => {
    const holding = process.getActiveResourcesInfo().join(', ')
    logger.warn(
      { event: 'left-open', holding },
      'the dataplane has left something open; the process ends anyway',
    )
    process.exit()
  }
  setTimeout(end, leftOpenGrace).unref()
}

/** With a file or a recording, its Node where there is only one; with a server, this machine's name. */
async function ownNodeName(config: ProxyConfig): Promise<string> {
  const { from } = config.source
  if ((from !== 'file' && from !== 'recording') || config.nodeName !== undefined) {
    return nodeName(config.nodeName, hostname())
  }
  const { records } = await readCluster(config.source, '', () => {})
  const nodes = records.filter(({ kind }) => kind === 'Node').map(({ key }) => key)
  return chooseNode(undefined, nodes, hostname())
}

/**
 * Until there is a proxy to stop, a signal ends the process at once. Nothing else would, where it is the first one of its
 * container: the kernel keeps signals from such a process that it doesn't listen to.
 */
function endOnSignals(logger: ProcessLogger): () => void {
  return onStopSignals((signal) => {
    logger.info({ event: 'stopping', signal }, 'stopping before the start is done')
    process.exit()
  })
}

/** A second signal doesn't wait for the apply under way. */
function stopOnSignals(proxy: RunningProxy, logger: ProcessLogger): () => void {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1)
    asked = true
    logger.info({ event: 'stopping', signal }, 'stopping')
    proxy.stop().catch((error: unknown) => {
      const { fix } = error as { readonly fix?: unknown }
      logger.error(
        { event: 'stop-failed', ...(typeof fix === 'string' ? { fix } : {}) },
        `stopping failed: ${thrownMessage(error)}; the process ends, and the rules stay in place`,
      )
      process.exit(1)
    })
  }
  return onStopSignals(onSignal)
}

/** Says what the start waits for while it takes long, and when it got there. */
function tellProgress(
  proxy: RunningProxy,
  config: ProxyConfig,
  logger: ProcessLogger,
  begun: number,
): () => void {
  const sinceStart = (): number => Math.round(performance.now() - begun)
  let timer = setTimeout(tell, progress.first)
  function tell(): void {
    const { awaited } = proxy
    const what = awaited.length === 0 ? ['first apply'] : awaited
    logger.info(
      { event: 'waiting', source: proxy.source.description, ms: sinceStart() },
      `waiting for ${what.join(', ')}`,
    )
    timer = setTimeout(tell, progress.every)
  }
  proxy.synced.then(() =>
    logger.info({ event: 'cluster-synced', ms: sinceStart() }, 'cluster state is complete'),
  )
  proxy.firstApplied.then(() => {
    clearTimeout(timer)
    logger.info({ event: 'node-in-sync', ms: sinceStart() }, 'node in sync')
    for (const builder of proxy.builders)
      for (const line of keptSets(builder, proxy.nodeName))
        logger.warn({ event: 'state-kept', family: builder.family }, line)
    warnWithoutNodePorts(proxy, config, logger)
  })
  return () => clearTimeout(timer)
}

/** Problems are lines when they come up, as far as there is room; how many there are is one now and then, where there are new ones. */
function countProblems(proxy: RunningProxy, logger: ProcessLogger): () => void {
  let told: string | undefined
  const tell = (): void => {
    const summary = problemSummary(proxy.problemCounts)
    if (summary === undefined || summary === told) return
    told = summary
    logger.warn(
      { event: 'object-problems', problems: Object.fromEntries(proxy.problemCounts) },
      `${summary} since the start; what they concern is left out, as the lines above say of the first ones, and everything else goes on`,
    )
  }
  proxy.firstApplied.then(tell)
  const timer = setInterval(tell, problemPeriod)
  timer.unref()
  return () => clearInterval(timer)
}

function warnWithoutNodePorts(proxy: RunningProxy, config: ProxyConfig, logger: ProcessLogger): void {
  const answering = proxy.families.some((family) => (proxy.table(family)?.nodePortAddresses.size ?? 0) > 0)
  if (answering) return
  const fix = config.nodePortAddresses.includes('primary')
    ? `check that Node ${proxy.nodeName} exists and that its address is on this machine, or set bindAddress (without a file, --bind-address)`
    : 'none of this machine is in nodePortAddresses (without a file, --nodeport-addresses)'
  logger.warn(
    { event: 'no-nodeport-addresses', node: proxy.nodeName },
    `no address of this node is known, so NodePorts answer nowhere: ${fix}`,
  )
}
