import type { Family, Host, Lab } from '@portolan/lab'
import { families, network } from '@portolan/lab'
import {
  endpointAddress,
  fillerSlices,
  inTurn,
  moving,
  nodeObject,
  type Place,
  port,
  type ServiceAddresses,
  targets,
  tcpService,
  zoned,
  zones,
} from './cluster-objects.ts'
import type { FaultyServer } from './faulty-server.ts'

/** What the cluster says of one address, as a packet sees it. */
interface Expectation {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly client: Host
  /** `undefined`: no endpoint may answer. */
  readonly place: Place | undefined
}

/** For one answer on a usual machine; the next try comes at once. */
const answerMs = 400

/** Changes of the cluster of which packets can tell whether the node follows them. */
export class Changes {
  readonly #lab: Lab
  readonly #server: FaultyServer
  readonly #fillers: number
  readonly #answerMs: number
  #turn = 0
  #zone: string
  #churned = 0
  /** Of Services, slices and the Node. */
  made = 0

  /** @param fillers Services that nobody asks */
  constructor(
    lab: Lab,
    server: FaultyServer,
    { fillers, slowness }: { readonly fillers: number; readonly slowness: number },
  ) {
    this.#lab = lab
    this.#server = server
    this.#fillers = fillers
    this.#answerMs = answerMs * slowness
    this.#zone = zones.pod0
  }

  get zone(): string {
    return this.#zone
  }

  /** Moves the endpoint of a Service, deletes one and makes one. */
  async make(): Promise<void> {
    const going = this.#there
    this.#turn += 1
    const coming = this.#there
    const slices = tcpService(moving, [this.#place]).filter(({ kind }) => kind === 'EndpointSlice')
    await this.#server.apply([...slices, ...tcpService(coming, ['pod0'])])
    await this.#server.remove('Service', 'shop', going.name)
    for (const family of families)
      await this.#server.remove('EndpointSlice', 'shop', `${going.name}-${family.toLowerCase()}`)
    this.made += 8
  }

  /** Makes everything as {@link make} has left it, in a cluster that has nothing of it. */
  async begin(): Promise<void> {
    await this.#server.apply([...tcpService(moving, [this.#place]), ...tcpService(this.#there, ['pod0'])])
  }

  /** After the server went back to a backup that was made before the last `turns`. */
  goBack(turns: number): void {
    this.#turn -= turns
  }

  /** The node is in the other zone. */
  async changeZone(): Promise<void> {
    this.#zone = this.#zone === zones.pod0 ? zones.remote : zones.pod0
    await this.#server.apply([nodeObject(this.#zone)])
    this.made += 1
  }

  /** Gives the next few of the Services that nobody asks other endpoints. */
  async churn(count: number): Promise<void> {
    for (let one = 0; one < count; one++) {
      const number = this.#churned % this.#fillers
      await this.#server.apply(fillerSlices(number, ++this.#churned))
      this.made += 2
    }
  }

  /** Everything of it that the node's packets don't follow, a line each. */
  async wrong(): Promise<string[]> {
    const asked = await Promise.all(this.#expectations().map((one) => ask(one, this.#answerMs)))
    return asked.filter((line) => line !== undefined)
  }

  get #place(): Place {
    return this.#turn % 2 === 0 ? 'pod0' : 'remote'
  }

  /** The one whose turn it is. */
  get #there(): ServiceAddresses {
    return inTurn[(this.#turn % 3) as 0 | 1 | 2]
  }

  #expectations(): Expectation[] {
    const there = this.#there
    const zonePlace: Place = this.#zone === zones.pod0 ? 'pod0' : 'remote'
    return families.flatMap((family) => [
      ...this.#ofService(moving, family, this.#place),
      ...inTurn.flatMap((one) => this.#ofService(one, family, one === there ? 'pod0' : undefined)),
      ...this.#ofService(zoned, family, zonePlace),
    ])
  }

  #ofService(service: ServiceAddresses, family: Family, place: Place | undefined): Expectation[] {
    const { pods, outside } = this.#lab
    const [, pod = outside] = pods
    const { name, clusterIPs, nodePort } = service
    const clusterIP = { name: `${name} at its ClusterIP, ${family}`, address: clusterIPs[family], port }
    const atNode = {
      name: `${name} at its NodePort, ${family}`,
      address: network[family].node.uplink,
      port: nodePort ?? 0,
    }
    return [
      { ...clusterIP, client: pod, place },
      ...(nodePort === undefined ? [] : [{ ...atNode, client: outside, place }]),
    ]
  }
}

async function ask(
  { name, address, port: number, client, place }: Expectation,
  timeoutMs: number,
): Promise<string | undefined> {
  const answer = await client.probe({ protocol: 'TCP', to: { address, port: number }, timeoutMs })
  if (answer.result !== 'answered')
    return place === undefined ? undefined : `${name}: ${answer.result} where ${place} should answer`
  if (place === undefined) return `${name}: answered by ${answer.host}, and it is deleted`
  const family = address.includes(':') ? 'IPv6' : 'IPv4'
  return answer.address === endpointAddress(place, family) && answer.port === targets.tcp
    ? undefined
    : `${name}: answered by ${answer.host} ${answer.address}, where ${place} should`
}
