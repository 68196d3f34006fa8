import { get } from 'node:http'
import { freePort } from '@portolan/api-server'
import type { ClusterRecord } from '../../cluster/records.ts'
import { contractVersion, type Dataplane } from '../../dataplane/contract.ts'
import { ApplyError } from '../../dataplane/kernel.ts'
import { Engine } from '../../engine/engine.ts'
import { observers } from '../../engine/observers.ts'
import type { Address, IpFamily } from '../../network/address.ts'
import { ipFamilies } from '../../network/address.ts'
import { ClusterState } from '../../proxy/cluster-state.ts'
import { SourceStatus } from '../../proxy/source-status.ts'
import type { NodePortPolicy } from '../../table/builder/node-addresses.ts'
import { isEverywhere } from '../../table/builder/node-addresses.ts'
import { TableBuilder } from '../../table/builder/table-builder.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import { byPath } from '../http-answer.ts'
import { type RunningHttpServer, startHttpServer } from '../http-server.ts'
import { ProxyHealth } from '../proxy-health.ts'
import { ServiceHealth, type ServiceHealthOptions, type UnavailableCheck } from '../service-health.ts'

/** What came back; `undefined`: nothing listens there. */
export interface Answer {
  readonly status: number
  readonly weight: string | undefined
  readonly body: string
}

export function ask(host: string, port: number, path = '/'): Promise<Answer | undefined> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, agent: false }, async (response) => {
      let body = ''
      for await (const chunk of response) body += String(chunk)
      const weight = response.headers['x-load-balancing-endpoint-weight']
      resolve({ status: response.statusCode ?? 0, weight: weight?.toString(), body })
    })
    request.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNREFUSED' ? resolve(undefined) : reject(error),
    )
  })
}

/** Ports that nothing listens on; others at each call. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

/** The health servers on real sockets, in front of a real engine whose kernel does as it is told; time is virtual. */
export class HealthBed implements AsyncDisposable {
  readonly clock = new VirtualClock()
  /** Families whose applies fail, or wait until they are taken out. */
  readonly failing = new Set<IpFamily>()
  readonly unavailable: UnavailableCheck[] = []
  readonly available: string[] = []
  readonly answers: string[] = []
  readonly engine: Engine
  readonly proxyHealth: ProxyHealth
  readonly serviceHealth: ServiceHealth
  readonly source: SourceStatus
  readonly #builders: readonly TableBuilder[]
  readonly #healthz: Promise<RunningHttpServer>

  constructor(policy: NodePortPolicy, options: Partial<ServiceHealthOptions> = {}) {
    const { clock } = this
    this.proxyHealth = new ProxyHealth({
      syncPeriod: 30_000,
      clock,
      wallClock: () => 1_750_000_000_000 + clock.now(),
      onAnswer: (path, status) => void this.answers.push(`${path} ${status}`),
    })
    this.serviceHealth = new ServiceHealth({
      families: ipFamilies,
      isEverywhere: (family) => isEverywhere(policy, family),
      isHealthy: () => this.proxyHealth.isHealthy,
      onUnavailable: (one) => void this.unavailable.push(one),
      onAvailable: (family, service, port) => void this.available.push(`${family} ${service} ${port}`),
      onGivenUp: () => {},
      onFault: (error) => {
        throw error
      },
      maxListeners: 100,
      clock,
      ...options,
    })
    this.#builders = ipFamilies.map(
      (family) =>
        new TableBuilder({
          family,
          nodeName: 'here',
          podSource: { by: 'none' },
          nodePortAddresses: policy,
          localhostNodePorts: true,
          onHealthCheck: (service, check) => this.serviceHealth.changed(family, service, check),
        }),
    )
    this.engine = new Engine({
      dataplane: this.#dataplane(),
      tables: Object.fromEntries(this.#builders.map((builder) => [builder.family, builder])),
      observer: observers([this.proxyHealth, this.serviceHealth]),
      timing: {
        now: () => clock.now(),
        after: (delayMs, task) => clock.after(delayMs, task),
        soon: (task) => void clock.after(0, task),
        cpu: () => 0,
        random: () => 0,
      },
    })
    const state = new ClusterState({
      builders: this.#builders,
      kinds: [],
      onChange: ({ family }) => this.engine.notify(family),
    })
    this.source = new SourceStatus('here', state)
    this.proxyHealth.watch({
      families: ipFamilies,
      progress: (family) => this.engine.progress(family),
      sourceStatus: this.source,
      awaited: [],
    })
    const { logger } = silent
    this.#healthz = startHttpServer({
      name: 'healthz',
      addresses: [{ address: '127.0.0.1' as Address, port: 0 }],
      handler: byPath({ '/healthz': this.proxyHealth.healthz, '/livez': this.proxyHealth.livez }),
      hardFail: true,
      logger,
    })
  }

  set(...records: readonly ClusterRecord[]): void {
    for (const record of records) this.source.set(record, 0)
  }

  setAddresses(...addresses: readonly string[]): void {
    for (const builder of this.#builders) {
      builder.setLocalAddresses(new Set(addresses as Address[]))
      if (builder.isPending) this.engine.notify(builder.family)
    }
  }

  /** Lets time pass, and everything that follows from it happen. */
  async pass(seconds: number): Promise<void> {
    await this.clock.pass(seconds * 1000)
    await this.serviceHealth.settled()
  }

  async ask(path: string): Promise<Answer> {
    const [at] = (await this.#healthz).addresses
    const answer = await ask('127.0.0.1', at?.port ?? 0, path)
    if (answer === undefined) throw new Error('the healthz server is gone')
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#healthz).close()
    await this.serviceHealth.close()
    this.failing.clear()
    await this.engine.stop()
  }

  #dataplane(): Dataplane {
    const program = (family: IpFamily) => ({ family, operations: 1, findings: [], degraded: [] })
    return {
      name: 'told',
      contractVersion,
      capabilities: { families: ipFamilies, protocols: ['TCP'], gaps: {} },
      probe: async () => ({ usable: true, problems: [], facts: {} }),
      start: async () => {},
      stop: async () => {},
      observe: async () => ({}),
      isUnchanged: async () => true,
      compile: ({ family }) => program(family),
      reconcile: (_, { family }) => program(family),
      print: () => '',
      apply: async ({ family }) => {
        if (this.failing.has(family)) throw new ApplyError('refused')
        return { operations: 1, bytes: 1, degraded: [] }
      },
      trace: () => [],
      cleanup: async () => ({ removed: [] }),
    }
  }
}

const silent = { logger: { debug() {}, info() {}, warn() {}, error() {} } }
