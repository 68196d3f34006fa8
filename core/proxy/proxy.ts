import { networkInterfaces } from 'node:os'
import { ProblemLog } from '../cluster/problem-log.ts'
import type { NodeRecord, ObjectProblem, RecordKind } from '../cluster/records.ts'
import { localhostFamilies } from '../config/localhost-families.ts'
import type { ProxyConfig } from '../config/proxy-config.ts'
import { localhostFamiliesOf } from '../dataplane/capabilities.ts'
import type { Dataplane, ProbeReport } from '../dataplane/contract.ts'
import { loadDataplane } from '../dataplane/load-dataplane.ts'
import type { DataplaneLogger } from '../dataplane/logger.ts'
import { supervised } from '../dataplane/supervise.ts'
import type { SupervisionOptions } from '../dataplane/supervised-calls.ts'
import { Engine } from '../engine/engine.ts'
import type { EngineObserver } from '../engine/observer.ts'
import { observers } from '../engine/observers.ts'
import type { SyncProgress } from '../engine/progress.ts'
import type { ForwardingCounts } from '../localhost/forwarding-messages.ts'
import { LocalhostForwarding } from '../localhost/localhost-forwarding.ts'
import type { Logger } from '../log/logger.ts'
import type { Address, Cidr, IpFamily } from '../network/address.ts'
import { type AddressWatch, type Interfaces, watchLocalAddresses } from '../network/local-addresses.ts'
import { usableFamilies } from '../network/usable-families.ts'
import type { ClusterSink, ClusterSource } from '../source/cluster-source.ts'
import type { ApiObserver } from '../source/kubernetes/api-observer.ts'
import type { HealthCheckListener } from '../table/builder/health-check-ports.ts'
import type { TableBuilder } from '../table/builder/table-builder.ts'
import type { RoutingTable } from '../table/routing-table.ts'
import { pause, systemClock } from '../time/clock.ts'
import { ClusterState } from './cluster-state.ts'
import { NodeLog } from './node-log.ts'
import { openSource } from './open-source.ts'
import { PodCidrGate } from './pod-cidr-gate.ts'
import { ProxyError, unusable } from './proxy-error.ts'
import { SourceStatus } from './source-status.ts'
import { tableBuilders } from './table-builders.ts'

/** Milliseconds that a stop waits for the applies under way. */
const stopGrace = 10_000

/** Milliseconds between two looks at the node's addresses. */
const addressPeriod = 2000

export interface ProxyOptions {
  readonly config: ProxyConfig
  /** As `nodeName` gives it. */
  readonly nodeName: string
  readonly logger: Logger
  readonly observer?: EngineObserver
  /** Called once it is known that the dataplane can run here, before it starts: a node that it can't run on stays as it is. */
  readonly prepare?: () => Promise<void>
  /** Told of requests to an API server, where that is the source. */
  readonly apiObserver?: ApiObserver
  /** Default: loaded as `config` says. */
  readonly dataplane?: Dataplane
  /** Default: opened as `config` says. */
  readonly source?: ClusterSource
  /** Default: `os.networkInterfaces`, those of this process's network namespace. */
  readonly interfaces?: () => Interfaces
  /** Told of this node's Node object whenever it comes or changes; `undefined`: it is gone. */
  readonly onOwnNode?: (node: NodeRecord | undefined) => void
  /** Told of each object that can't be used as it is, once. */
  readonly onProblem?: (problem: ObjectProblem) => void
  /** Told of what a Service's health check says once the family's table is applied next. */
  readonly onHealthCheck?: (family: IpFamily, ...check: Parameters<HealthCheckListener>) => void
}

/**
 * Starts a proxy for this node: from its source through the tables and the engine to its dataplane. It returns when
 * everything is started; `synced` and `firstApplied` tell how far it is.
 *
 * @throws {ProxyError} when the dataplane can't run on this node, and whatever the dataplane's loading or the source's
 *   start throws. Nothing is left running then.
 */
export async function startProxy(options: ProxyOptions): Promise<RunningProxy> {
  const { config, logger } = options
  const supervision: SupervisionOptions = {
    onFault: (fault) => {
      logger.error({ event: 'dataplane-fault', fix: fault.fix }, fault.message)
      options.observer?.onFault?.(fault)
    },
  }
  const { dataplane: name, dataplaneSettings: settings, masqueradeBit } = config
  const told = {
    logger: dataplaneLogger(name, logger),
    onNotice: (notice: string) => logger.warn({ event: 'dataplane-notice', dataplane: name }, notice),
    onNodeChange: (what: string) => options.observer?.onNodeChange?.(what),
    onDriftSuspected: (family: IpFamily) => running?.suspectDrift(family),
  }
  let running: RunningProxy | undefined
  const dataplane =
    options.dataplane === undefined
      ? await loadDataplane(name, { masqueradeBit, settings, ...told }, process.cwd(), supervision)
      : supervised(options.dataplane, supervision)
  const probe = await dataplane.probe()
  if (!probe.usable) throw unusable(dataplane.name, probe)
  const usable = await usableFamilies()
  const families = dataplane.capabilities.families.filter((family) => usable.includes(family))
  if (families.length === 0) {
    const [theirs, ours] = [dataplane.capabilities.families.join(', '), usable.join(', ')]
    const message = `dataplane ${dataplane.name} supports ${theirs}, but this node has only ${ours}`
    throw new ProxyError('FAMILY_UNUSABLE', message, 'enable the family, or choose another --dataplane')
  }
  await options.prepare?.()
  const source =
    options.source ?? (await openSource(config.source, options.nodeName, logger, options.apiObserver))
  let close = () => dataplane.stop()
  try {
    await dataplane.start()
    const proxy = new RunningProxy(options, { dataplane, probe, families, source })
    running = proxy
    close = () => proxy.stop()
    await source.start(proxy.sink)
    return proxy
  } catch (error) {
    // What made the start fail is the news; that something could not be closed either is for the log.
    for (const failure of await failuresOf([close]))
      logger.warn(
        { event: 'start-failed', error: failure },
        'the start failed, and a part of it could not be closed',
      )
    throw error
  }
}

/** A dataplane's own lines, each with its name; no field of theirs passes for an event of ours. */
function dataplaneLogger(dataplane: string, logger: Logger): DataplaneLogger {
  return {
    debug: (fields, message) => logger.debug({ ...fields, dataplane }, message),
    info: (fields, message) => logger.info({ ...fields, event: 'dataplane-log', dataplane }, message),
  }
}

/** Takes all steps, one after the other, whatever each comes to; gives what they threw. */
async function failuresOf(steps: readonly (() => unknown)[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  return failures
}

const noEvents: Readonly<Record<RecordKind, number>> = {
  Service: 0,
  EndpointSlice: 0,
  Node: 0,
  ServiceCIDR: 0,
}

interface Parts {
  readonly dataplane: Dataplane
  readonly probe: ProbeReport
  readonly families: readonly IpFamily[]
  readonly source: ClusterSource
}

/** A proxy at work. Made by {@link startProxy}. */
export class RunningProxy {
  readonly nodeName: string
  readonly dataplane: Dataplane
  /** What the dataplane found on this node. */
  readonly probe: ProbeReport
  readonly families: readonly IpFamily[]
  readonly source: ClusterSource
  /** Takes what the source delivers. */
  readonly sink: ClusterSink
  /** What the source has told of this node and of itself. */
  readonly sourceStatus: SourceStatus
  /** Resolves when the cluster's state is complete, so that the first apply begins. */
  readonly synced: Promise<void>
  /** Resolves when the kernel first holds what the cluster asks, in every family. */
  readonly firstApplied: Promise<void>
  /** Rejects with a {@link ProxyError} when the proxy can't go on; resolves when it is stopped. */
  readonly ended: Promise<void>

  readonly #options: ProxyOptions
  readonly #problems: ProblemLog
  readonly #synced = Promise.withResolvers<void>()
  readonly #firstApplied = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #stopping: Promise<void> | undefined
  #state: ClusterState | undefined
  #builders: readonly TableBuilder[] = []
  #engine: Engine | undefined
  #forwarding: LocalhostForwarding | undefined
  #addresses: AddressWatch | undefined

  constructor(options: ProxyOptions, parts: Parts) {
    this.#options = options
    this.#problems = new ProblemLog(options.onProblem)
    this.nodeName = options.nodeName
    this.dataplane = parts.dataplane
    this.probe = parts.probe
    this.families = parts.families
    this.source = parts.source
    this.synced = this.#synced.promise
    this.firstApplied = this.#firstApplied.promise
    this.ended = this.#ended.promise
    // A caller that ignores how it ended must not be ended by it.
    this.ended.catch(() => {})
    const sink =
      options.config.podDetection.mode === 'NodeCIDR'
        ? new PodCidrGate({
            nodeName: options.nodeName,
            open: (podCidrs) => this.#assemble(podCidrs),
            changed: (before, after) => this.#endOnPodCidrs(before, after),
          })
        : this.#assemble([])
    const nodeLog = new NodeLog(options.nodeName, options.logger)
    this.sourceStatus = new SourceStatus(options.nodeName, sink, (node) => {
      nodeLog.changed(node)
      options.onOwnNode?.(node)
    })
    this.sink = this.sourceStatus
  }

  /** The family's table as it was last compiled; `undefined` before there is one. It changes in place. */
  table(family: IpFamily): RoutingTable | undefined {
    return this.#builders.find((builder) => builder.family === family)?.table
  }

  /** Builders of the families' tables, as far as there are any. Only the engine drains them. */
  get builders(): readonly TableBuilder[] {
    return this.#builders
  }

  /** This node's object; `undefined`: it isn't known. */
  get node(): NodeRecord | undefined {
    return this.sourceStatus.ownNode
  }

  /** How far the family is; `undefined` for one that isn't kept, or isn't yet. */
  progress(family: IpFamily): SyncProgress | undefined {
    return this.#engine?.progress(family)
  }

  /** Events of the cluster so far, by the kind of their object. */
  get eventCounts(): Readonly<Record<RecordKind, number>> {
    return this.#state?.eventCounts ?? noEvents
  }

  /** How many problems objects have had so far, by kind and field; each was reported once. */
  get problemCounts(): ReadonlyMap<string, number> {
    return this.#problems.counts
  }

  /** What the first apply still waits for, for a person; empty: nothing. */
  get awaited(): readonly string[] {
    if (this.#state === undefined) return [`podCIDRs of Node ${this.nodeName}`]
    return this.#state.awaited.map((kind) => `list of ${kind}s`)
  }

  /** NodePorts at loopback, where they are forwarded rather than served by the kernel. */
  get forwardingCounts(): ForwardingCounts | undefined {
    return this.#forwarding?.counts
  }

  /** Has what the kernel holds of the family compared with its table soon. */
  suspectDrift(family: IpFamily): void {
    this.#engine?.suspectDrift(family)
  }

  /** Compares all that the kernel holds with the tables; see {@link Engine.verify}. Not before `firstApplied`. */
  async verify(): Promise<readonly string[]> {
    return (await this.#engine?.verify()) ?? []
  }

  /** Ends after the applies under way; the rules stay in the kernel. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  /** A part that can't be stopped is no reason to leave the others running. */
  async #stop(): Promise<void> {
    const failures = await failuresOf([
      () => this.#addresses?.stop(),
      () => this.source.stop(),
      () => this.#stopEngine(),
      () => this.#forwarding?.stop(),
      () => this.dataplane.stop(),
    ])
    this.#ended.resolve()
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '))
  }

  /** An apply that hangs must not keep a process that is asked to end. */
  async #stopEngine(): Promise<void> {
    const applies = new AbortController()
    const stopped = this.#engine?.stop().then(() => applies.abort())
    if (stopped === undefined) return
    await pause(systemClock, stopGrace, applies.signal)
    if (applies.signal.aborted) return
    const seconds = stopGrace / 1000
    this.#options.logger.error(
      { event: 'stop-without-apply' },
      `dataplane ${this.dataplane.name} is still at work after ${seconds} s; the process ends without waiting for it`,
    )
  }

  #assemble(podCidrs: readonly Cidr[]): ClusterSink {
    const { config, logger, nodeName, observer, onHealthCheck } = this.#options
    const builders = tableBuilders({
      config,
      nodeName,
      families: this.families,
      podCidrs,
      capabilities: this.dataplane.capabilities,
      triggersSince: Date.now(),
      problems: this.#problems,
      ...(onHealthCheck === undefined ? {} : { onHealthCheck }),
    })
    const forwarding = this.#newForwarding()
    const engine = new Engine({
      dataplane: this.dataplane,
      tables: Object.fromEntries(builders.map((builder) => [builder.family, builder])),
      minSyncPeriod: config.minSyncPeriod,
      auditPeriod: config.auditPeriod,
      verifiesFirst: config.startupTaint,
      observer: observers([
        ...(observer === undefined ? [] : [observer]),
        ...(forwarding === undefined ? [] : [forwarding]),
      ]),
    })
    const state = new ClusterState({
      builders,
      problems: this.#problems,
      onChange: ({ family }, receivedAt) => engine.notify(family, receivedAt),
      onSynced: () => {
        engine.start()
        this.#synced.resolve()
      },
    })
    this.#builders = builders
    this.#engine = engine
    this.#forwarding = forwarding
    this.#state = state
    engine.firstApplied.then(this.#firstApplied.resolve)
    this.#addresses = watchLocalAddresses((addresses) => this.#moveTo(addresses), {
      read: this.#options.interfaces ?? networkInterfaces,
      period: addressPeriod,
      onFailure: (error) =>
        logger.warn(
          { event: 'addresses-unreadable', error },
          "this node's addresses can't be read: those known so far stay, and it is tried every " +
            `${addressPeriod / 1000} s. Is the process out of file descriptors or memory?`,
        ),
      onRecovery: () =>
        logger.info({ event: 'addresses-readable' }, "this node's addresses can be read again"),
    })
    return state
  }

  /** What the dataplane can't have answer at loopback is forwarded there. */
  #newForwarding(): LocalhostForwarding | undefined {
    const { config, logger } = this.#options
    const inKernel = localhostFamiliesOf(this.dataplane.capabilities)
    const families = localhostFamilies(config).filter(
      (family) => this.families.includes(family) && !inKernel.includes(family),
    )
    return families.length === 0 ? undefined : new LocalhostForwarding({ families, logger })
  }

  #moveTo(addresses: ReadonlySet<Address>): void {
    for (const builder of this.#builders) {
      builder.setLocalAddresses(addresses)
      if (builder.isPending) this.#engine?.notify(builder.family)
    }
  }

  #endOnPodCidrs(before: readonly Cidr[], after: readonly Cidr[]): void {
    const message = `podCIDRs of Node ${this.nodeName} changed from ${before.join(', ')} to ${after.join(', ')}`
    const fix =
      'start again: pods are detected by these ranges, and they are fixed for the life of the process'
    this.#ended.reject(new ProxyError('POD_CIDRS_CHANGED', message, fix))
  }
}
