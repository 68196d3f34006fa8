import type { FrontendKind, IpFamily } from '@portolan/core'
import type { ConnectLoopReport, Host, ProbeResult, Protocol } from '@portolan/lab'
import { serviceShape, slices, targetOf } from './case-objects.ts'
import { type Client, type Destination, type EndpointShape, isGap } from './matrix-case.ts'
import { type ServiceShape, sctpPorts, service } from './objects.ts'
import { addressOf, type EndpointHost, type Place } from './place.ts'
import { Semaphore } from './semaphore.ts'
import type { Testbed } from './testbed.ts'
import type { Pace, Timeouts } from './timeouts.ts'

/** What a Service is at one step of a story. */
export interface ServiceState {
  readonly service?: Partial<ServiceShape>
  readonly endpoints: readonly EndpointShape[]
}

/** Connections asked for at the same time by all fixtures: more would only wait for each other. */
const asking = new Semaphore(100)

/** One Service that changes while clients use it: what a story plays on. */
export class Fixture {
  readonly testbed: Testbed
  readonly place: Place
  readonly family: IpFamily
  readonly protocol: Protocol
  #failures: string[] = []
  #slices: readonly string[] = []

  constructor(testbed: Testbed, place: Place, family: IpFamily, protocol: Protocol) {
    this.testbed = testbed
    this.place = place
    this.family = family
    this.protocol = protocol
  }

  /** What went wrong so far, in words. */
  get failures(): string[] {
    return this.#failures
  }

  get timeouts(): Timeouts {
    return this.testbed.timeouts
  }

  /** The same Service as its clients in another protocol see it; what they find out is among this fixture's failures. */
  beside(protocol: Protocol): Fixture {
    const other = new Fixture(this.testbed, this.place, this.family, protocol)
    other.#failures = this.#failures
    return other
  }

  /** Those of these destinations that the dataplane doesn't declare as gaps. */
  served(...destinations: readonly FrontendKind[]): readonly FrontendKind[] {
    const { gaps } = this.testbed.dataplane.capabilities
    return destinations.filter((to) => !isGap(gaps, to))
  }

  /** Where clients outside come in: a load balancer's address, where the dataplane has it. */
  get external(): FrontendKind {
    return this.served('LoadBalancer', 'NodePort')[0] ?? 'ClusterIP'
  }

  /** Where they come in by the node's own addresses: a NodePort, where the dataplane has it. */
  get nodePort(): FrontendKind {
    return this.served('NodePort')[0] ?? this.external
  }

  /** Makes the Service so, in the cluster and in the kernel. */
  async become(state: ServiceState): Promise<void> {
    await this.serveEndpoints(state)
    this.declare(state)
    await this.testbed.driver.sync([this.family])
  }

  /** Lets the endpoints of a state answer, before they are announced. */
  async serveEndpoints({ endpoints }: ServiceState): Promise<void> {
    await Promise.all(
      endpoints.map(({ host, portOffset = 0 }) =>
        this.testbed.serve(host, this.place.targetPort + portOffset, this.#protocols),
      ),
    )
  }

  /** Makes the Service so in the cluster; nothing is applied yet. */
  declare({ service: overrides = {}, endpoints }: ServiceState): void {
    const ports = this.protocol === 'SCTP' ? { ports: sctpPorts(this.place.nodePort) } : {}
    const shape = serviceShape(this.place, { ...ports, ...overrides })
    const objects = slices(shape, this.place, endpoints)
    const names = objects.map((object) => (object as { metadata: { name: string } }).metadata.name)
    for (const old of this.#slices) if (!names.includes(old)) this.testbed.cluster.removeSlice(old)
    this.#slices = names
    this.testbed.cluster.set(service(shape), ...objects)
  }

  /** Takes the Service and its slices away. */
  async remove(): Promise<void> {
    this.undeclare()
    await this.testbed.driver.sync([this.family])
  }

  /** Takes them away in the cluster; nothing is applied yet. */
  undeclare(): void {
    this.testbed.cluster.removeService(this.place.name)
    for (const name of this.#slices) this.testbed.cluster.removeSlice(name)
    this.#slices = []
  }

  /** One new connection. `from`: another address of the client's host. */
  ask(
    client: Client,
    to: Destination,
    from?: string,
    timeoutMs = this.timeouts.answerMs,
  ): Promise<ProbeResult> {
    const { host, address } = this.testbed.origin(client, this.family)
    return asking.run(() =>
      host.probe({
        protocol: this.protocol,
        to: targetOf(to, this.place, this.family),
        timeoutMs,
        ...(from !== undefined ? { from: { address: from } } : {}),
        ...(client === 'remotePod' && from === undefined ? { from: { address } } : {}),
      }),
    )
  }

  /** The server that answers a new connection, as `address|port`; anything else is a failure, and its name. */
  async serverFor(client: Client, to: Destination, from?: string): Promise<string> {
    const answer = await this.ask(client, to, from)
    if (answer.result === 'answered' && answer.host !== 'internet') return `${answer.address}|${answer.port}`
    const what = answer.result === 'answered' ? 'leaked to the internet' : answer.result
    this.failures.push(`${client} to ${to}${from === undefined ? '' : ` from ${from}`}: ${what}`)
    return what
  }

  /** The servers that answer so many new connections at once. */
  async serversFor(client: Client, to: Destination, count: number): Promise<Set<string>> {
    return new Set(await Promise.all(Array.from({ length: count }, () => this.serverFor(client, to))))
  }

  /** How an endpoint names itself when it answers. */
  nameOf(host: EndpointHost, portOffset = 0): string {
    return `${addressOf(host, this.family)}|${this.place.targetPort + portOffset}`
  }

  /** Starts to connect all the time; the function that it gives stops that and tells who answered. */
  async connectAllTheTime(
    client: Client,
    to: Destination,
    pace: Pace = 'steady',
  ): Promise<(allowed: LoopAllowance) => Promise<ConnectLoopReport>> {
    const { host } = this.testbed.origin(client, this.family)
    const loop = await host.startConnectLoop({
      protocol: this.protocol,
      to: targetOf(to, this.place, this.family),
      everyMs: this.timeouts.connectEveryMs[pace],
      timeoutMs: this.protocol === 'UDP' ? this.timeouts.datagramMs : this.timeouts.answerMs,
    })
    return async (allowed) => {
      const report = await loop.stop()
      this.#judgeLoop(`${client} to ${to}`, report, allowed)
      return report
    }
  }

  /** Keeps connections open; the function that it gives tells of each whether it is as it was. */
  async hold(client: Client, to: Destination, count: number): Promise<() => Promise<void>> {
    const host: Host = this.testbed.origin(client, this.family).host
    const { address, port } = targetOf(to, this.place, this.family)
    const connections = await Promise.all(
      Array.from({ length: count }, () =>
        host.holdConnection({ to: { address, port }, timeoutMs: this.timeouts.answerMs }),
      ),
    )
    return async () => {
      for (const connection of connections) {
        const answer = await connection.ask(this.timeouts.answerMs)
        const { address: was, port: at } = connection.server
        if (!answer.alive)
          this.failures.push(`a connection of ${client} to ${to}, held by ${was}|${at}: ${answer.reason}`)
        else if (answer.address !== was || answer.port !== at)
          this.failures.push(
            `a connection to ${was}|${at} is now answered by ${answer.address}|${answer.port}`,
          )
        await connection.close()
      }
    }
  }

  /** Notes what is wrong if the condition doesn't hold. */
  expect(condition: boolean, otherwise: string): void {
    if (!condition) this.failures.push(otherwise)
  }

  /** Those of its Service. */
  get #protocols(): readonly Protocol[] {
    return this.protocol === 'SCTP' ? ['SCTP'] : ['TCP', 'UDP']
  }

  #judgeLoop(who: string, report: ConnectLoopReport, allowed: LoopAllowance): void {
    const { attempts, results, servers, unanswered } = report
    const forgiven = ['answered', ...(allowed.results ?? [])]
    // A datagram that is caught between two states is dropped and not sent again; a SYN is sent again.
    const lost = this.protocol === 'UDP' ? 3 + attempts / 20 : 0
    for (const [result, count] of Object.entries(results)) {
      const fine = forgiven.includes(result) || count <= (result === 'timeout' ? lost : 0)
      if (!fine)
        this.failures.push(
          `${who}: ${count} of ${attempts} connections ended as ${result} (the first ones: ${JSON.stringify(unanswered.filter((one) => one.result === result).slice(0, 3))})`,
        )
    }
    const members = new Set(allowed.endpoints)
    for (const [server, count] of Object.entries(servers)) {
      const [, name = ''] = server.split(' ')
      if (!members.has(name)) this.failures.push(`${who}: ${count} connections were answered by ${server}`)
    }
    const { outage, longestStallMs } = report
    const isServed = !(allowed.results ?? []).includes('timeout')
    if (isServed && outage !== undefined && outage.milliseconds > this.timeouts.outageMs)
      this.failures.push(
        `${who}: nothing got through for ${Math.round(outage.milliseconds)} ms, from ${Math.round(outage.afterMs)} ms after the loop's start: ${outage.attempts} first packets were lost (the machine held the loop up for ${Math.round(longestStallMs)} ms at most, which is not counted)`,
      )
    this.expect(results.answered > 0, `${who}: none of ${attempts} connections was answered`)
  }
}

/** What a connect loop may see without anything being wrong. */
export interface LoopAllowance {
  /** Names of all endpoints that the Service had meanwhile. */
  readonly endpoints: readonly string[]
  /** Besides answers. With `timeout` among them, there may be a time in which nothing gets through. */
  readonly results?: readonly ('refused' | 'timeout')[]
}
