import type { SocketAddress } from '../config/socket-address.ts'
import type { Applied, EngineObserver } from '../engine/observer.ts'
import type { Address, IpFamily } from '../network/address.ts'
import { specialRange } from '../network/special-addresses.ts'
import type { HealthCheck } from '../table/builder/health-check-ports.ts'
import type { Clock } from '../time/clock.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { type HttpAnswer, textAnswer } from './http-answer.ts'
import { allAddresses } from './listen-addresses.ts'
import { PortListeners } from './port-listeners.ts'

export interface ServiceHealthOptions {
  readonly families: readonly IpFamily[]
  /** Whether NodePorts of the family answer at all addresses of the node, so that its health checks do. */
  readonly isEverywhere: (family: IpFamily) => boolean
  /** Whether the proxy itself is healthy. */
  readonly isHealthy: () => boolean
  /** A Service's port can't be served, in part at least; it is tried again. Once, until it could. */
  readonly onUnavailable: (unavailable: UnavailableCheck) => void
  /** The Service's port is served after all, at all addresses. */
  readonly onAvailable: (family: IpFamily, service: string, port: number) => void
  /** The Service has the port no longer, whether or not it was served. */
  readonly onGivenUp: (family: IpFamily, service: string) => void
  /** A request could not be answered, which is a defect. */
  readonly onFault: (error: unknown) => void
  /** Sockets at most, over both families. */
  readonly maxListeners: number
  readonly clock?: Clock
}

export interface UnavailableCheck {
  readonly family: IpFamily
  /** `namespace/name` */
  readonly service: string
  readonly at: SocketAddress
  readonly error: Error
}

/** Connections to all health check node ports together. */
const maxConnections = 1024

/**
 * The health check node ports of all Services (SEMANTICS 11): where load balancers ask whether this node has endpoints of
 * a Service with externalTrafficPolicy Local. It says what the kernel does already: what changes is held back until the
 * family's table is applied.
 */
export class ServiceHealth implements EngineObserver {
  readonly #families = new Map<IpFamily, FamilyHealth>()

  constructor(options: ServiceHealthOptions) {
    const connections = new ConnectionBudget(maxConnections)
    for (const family of options.families)
      this.#families.set(family, new FamilyHealth(family, connections, options))
  }

  /** What a Service's health check says from the family's next apply on. */
  changed(family: IpFamily, service: string, check: HealthCheck | undefined): void {
    this.#families.get(family)?.changed(service, check)
  }

  onApplied({ family, table, setElements }: Pick<Applied, 'family' | 'table' | 'setElements'>): void {
    const health = this.#families.get(family)
    if (setElements > 0) health?.followAddresses(table.nodePortAddresses)
    health?.applied()
  }

  onUnchanged(family: IpFamily): void {
    this.#families.get(family)?.applied()
  }

  /** Resolves when every port is open that can be, and no other. */
  async settled(): Promise<void> {
    for (const family of this.#families.values()) await family.listeners.settled()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#families.values()].map(({ listeners }) => listeners.close()))
  }
}

class FamilyHealth {
  readonly listeners: PortListeners
  readonly #family: IpFamily
  readonly #options: ServiceHealthOptions
  /** What the family's next apply brings. */
  #coming = new Map<string, HealthCheck | undefined>()
  readonly #checks = new Map<string, HealthCheck>()
  /** The Services that name a port, in the order in which they came: the first has it. */
  readonly #claims = new Map<number, Set<string>>()

  constructor(family: IpFamily, connections: ConnectionBudget, options: ServiceHealthOptions) {
    this.#family = family
    this.#options = options
    const { clock, families, maxListeners, onAvailable, onFault } = options
    this.listeners = new PortListeners({
      handler: (port) => () => this.#answer(port),
      connections,
      onFault,
      onFailing: (at, error) => this.#unavailable(this.#ownerOf(at.port), at, error),
      onRecovered: (port) => {
        const owner = this.#ownerOf(port)
        if (owner !== undefined) onAvailable(family, owner, port)
      },
      maxListeners: Math.floor(maxListeners / families.length),
      ...(clock === undefined ? {} : { clock }),
    })
    if (options.isEverywhere(family)) this.listeners.listenAt([allAddresses(family)])
  }

  changed(service: string, check: HealthCheck | undefined): void {
    this.#coming.set(service, check)
  }

  applied(): void {
    if (this.#coming.size === 0) return
    const coming = this.#coming
    this.#coming = new Map()
    // A port that is given up may be one that another takes.
    for (const [service, check] of coming) this.#giveUp(service, check)
    for (const [service, check] of coming) if (check !== undefined) this.#take(service, check)
  }

  /** @param wanted where NodePorts answer */
  followAddresses(wanted: ReadonlySet<Address>): void {
    if (this.#options.isEverywhere(this.#family)) return
    const { addresses } = this.listeners
    const usable = [...wanted].filter(canListenAt)
    const areSame =
      usable.length === addresses.length && usable.every((address) => addresses.includes(address))
    if (!areSame) this.listeners.listenAt(usable)
  }

  #giveUp(service: string, check: HealthCheck | undefined): void {
    const port = this.#checks.get(service)?.port
    if (check === undefined) this.#checks.delete(service)
    if (port === undefined || port === check?.port) return
    this.#options.onGivenUp(this.#family, service)
    const claims = this.#claims.get(port)
    if (claims === undefined) return
    const wasOwner = this.#ownerOf(port) === service
    claims.delete(service)
    const [next] = claims
    if (next === undefined) {
      this.#claims.delete(port)
      this.listeners.want(port, false)
    } else if (wasOwner && !this.listeners.isFailing(port))
      this.#options.onAvailable(this.#family, next, port)
  }

  #take(service: string, check: HealthCheck): void {
    const { port } = check
    this.#checks.set(service, check)
    const claims = this.#claims.get(port)
    if (claims === undefined) {
      this.#claims.set(port, new Set([service]))
      this.listeners.want(port, true)
      return
    }
    if (claims.has(service)) return
    claims.add(service)
    const [owner] = claims
    if (owner === service) return
    // An API server gives each port to one Service; a file may not.
    const at = { address: this.listeners.addresses[0] ?? allAddresses(this.#family), port }
    this.#unavailable(service, at, new Error(`Service ${owner} has the same healthCheckNodePort`))
  }

  #ownerOf(port: number): string | undefined {
    return this.#claims.get(port)?.values().next().value
  }

  #unavailable(service: string | undefined, at: SocketAddress, error: Error): void {
    if (service !== undefined) this.#options.onUnavailable({ family: this.#family, service, at, error })
  }

  #answer(port: number): HttpAnswer {
    const owner = this.#ownerOf(port)
    const check = owner === undefined ? undefined : this.#checks.get(owner)
    if (owner === undefined || check === undefined)
      return textAnswer(503, 'no Service has this port any more\n')
    return serviceAnswer(owner, check.localEndpoints, this.#options.isHealthy())
  }
}

/** A link-local address would need its interface as well; no load balancer asks there. */
function canListenAt(address: Address): boolean {
  return specialRange(address) !== 'link-local'
}

/** What load balancers read: the status, and the header for those that weigh nodes by it. The text is kube-proxy's. */
function serviceAnswer(key: string, localEndpoints: number, isHealthy: boolean): HttpAnswer {
  const slash = key.indexOf('/')
  const service = { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
  return {
    status: localEndpoints > 0 && isHealthy ? 200 : 503,
    headers: {
      'Content-Type': 'application/json',
      'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
    },
    body: JSON.stringify({ service, localEndpoints, serviceProxyHealthy: isHealthy }, null, '\t'),
  }
}
