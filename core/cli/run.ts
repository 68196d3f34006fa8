import { hostname } from 'node:os'
import type { Flags } from '../config/config-flags.ts'
import type { ConfigWatch } from '../config/config-watch.ts'
import { nodeName } from '../config/node-name.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { printSocketAddress } from '../config/socket-address.ts'
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
import type { Logger } from '../log/logger.ts'
import { ProxyMetrics } from '../metrics/proxy-metrics.ts'
import { usableFamilies } from '../network/usable-families.ts'
import { KubeProxyWatch } from '../node/kube-proxy-watch.ts'
import { oneAtATime } from '../node/one-at-a-time.ts'
import { setOomScore } from '../node/oom-score.ts'
import { prepareNode } from '../node/prepare-node.ts'
import { startProxy } from '../proxy/proxy.ts'
import { StartupTaint } from '../proxy/startup-taint.ts'
import { DriftLog } from '../servers/drift-log.ts'
import type { HealthProblem } from '../servers/health-problems.ts'
import { startHealthServers } from '../servers/health-servers.ts'
import { startMetricsServer } from '../servers/metrics-server.ts'
import { ProxyStatus } from '../servers/proxy-status.ts'
import { findKubeProxy } from '../succession/kube-proxy-predecessor.ts'
import { type Found, findPredecessors } from '../succession/predecessors.ts'
import { Succession } from '../succession/succession.ts'
import { systemClock } from '../time/clock.ts'
import { ApplyLog } from './apply-log.ts'
import { chooseNode } from './choose-node.ts'
import { countProblems } from './count-problems.ts'
import { createLogger } from './log.ts'
import { problemLines } from './problem-lines.ts'
import { endOnSignals, endOnStrayErrors, endSoon, stopOnSignals } from './process-end.ts'
import { readCluster } from './read-cluster.ts'
import { readConfig } from './read-config.ts'
import { runOnce } from './run-once.ts'
import { tellProgress } from './start-progress.ts'
import { tellConfig } from './tell-config.ts'
import { thisProcess } from './this-process.ts'
import { readVersion } from './version.ts'
import { warnOfFamilies } from './warn-of-families.ts'
import { watchConfig } from './watch-config.ts'

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
  const succession = new Succession({
    find: () => predecessorsOf(config, logger),
    successor: config.dataplane,
    drainTimeout: config.drainTimeout,
    logger,
    clock: systemClock,
  })
  const problems = (): readonly HealthProblem[] => [
    ...kubeProxyProblems(kubeProxy),
    ...succession.problems.map((one) => ({ ...one })),
  ]
  const status = new ProxyStatus({
    version: versions.portolan,
    dataplane: config.dataplane,
    pid: process.pid,
    startedAt: Date.parse(self.since),
    syncPeriod: config.syncPeriod,
    driftLog,
    problems,
    now: () => performance.now(),
    wallClock: Date.now,
  })
  await using health = await startHealthServers({
    config,
    families,
    logger,
    problems,
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
  const taint = config.startupTaint
    ? new StartupTaint({ nodeName: node, logger, clock: systemClock, random: Math.random })
    : undefined
  const proxy = await startProxy({
    config,
    nodeName: node,
    logger,
    observer: observers([
      applyLog,
      new DriftEvents(events, node, config.dataplane),
      driftLog,
      status,
      succession,
      metrics.observer,
      health.observer,
    ]),
    apiObserver: metrics.apiObserver,
    prepare: async () => void (await prepareNode({ config, logger })),
    onHealthCheck: health.onHealthCheck,
    onOwnNode: (own) => taint?.seen(own),
    onProblem: (problem) => {
      tellProblem(problem)
      events.record(objectProblem(problem))
    },
  }).catch(async (error: unknown) => {
    await succession.failed(error)
    throw error
  })
  health.watch(proxy)
  events.record(starting(node, versions.portolan, config.dataplane))
  if (proxy.source.api === undefined) events.stop()
  else events.start(proxy.source.api)
  void proxy.firstApplied.then(() => proxy.source.api !== undefined && taint?.serves(proxy.source.api))
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
  succession.follow(proxy)
  // One that is taken over from is told of by that; one that comes back is not.
  if (config.takeOver) void succession.settled.then(() => kubeProxy.start())
  else kubeProxy.start()
  let configWatch: ConfigWatch | undefined
  try {
    metrics.measure(proxy)
    metricsServer.watch(proxy)
    configWatch = await watchConfig(flags, resolved, logger)
    await Promise.race([proxy.ended, ...(configWatch === undefined ? [] : [configWatch.changed])])
    await succession.stop()
    await proxy.stop()
    logger.info({ event: 'stopped' }, 'stopped; the rules stay in place')
  } finally {
    stop()
    stopTelling()
    stopCounting()
    applyLog.stop()
    kubeProxy.stop()
    taint?.stop()
    configWatch?.stop()
    events.stop()
    // It writes, too, and asks the proxy.
    await succession.stop()
    await proxy.stop()
    endSoon(logger)
  }
}

/** Both proxies translate, so that what this one programs may have no effect. */
function kubeProxyProblems({ found }: KubeProxyWatch): readonly HealthProblem[] {
  return found.size === 0 ? [] : [{ problem: 'kube-proxy-beside', layouts: [...found.keys()] }]
}

/** Who has left rules on this node that are to go. */
async function predecessorsOf(config: ProxyConfig, logger: Logger): Promise<Found> {
  const { dataplane: successor, masqueradeBit, takeOver } = config
  const ours = await findPredecessors({ successor, masqueradeBit, logger })
  if (!takeOver) return ours
  const kubeProxy = await findKubeProxy()
  return {
    predecessors: [...ours.predecessors, ...kubeProxy.predecessors],
    unseen: [...ours.unseen, ...kubeProxy.unseen],
  }
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
