import type { ForwardedPort } from './forwarded-port.ts'

type Endpoint = ForwardedPort['endpoints'][number]

/**
 * Picks the endpoint of each new connection: at random, or with session affinity the one before, until nobody has connected
 * for the timeout. All clients have the node's loopback address, so they are one client (KEP-6032).
 */
export class EndpointChoice {
  readonly #random: () => number
  #pinned: { readonly endpoint: Endpoint; readonly at: number } | undefined

  /** @param random gives numbers in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
  }

  /** @param now monotonic, in milliseconds */
  choose({ endpoints, affinitySeconds }: ForwardedPort, now: number): Endpoint | undefined {
    const pick = (): Endpoint | undefined => endpoints[Math.floor(this.#random() * endpoints.length)]
    if (affinitySeconds === undefined) {
      this.#pinned = undefined
      return pick()
    }
    const endpoint = this.#kept(endpoints, now - affinitySeconds * 1000) ?? pick()
    this.#pinned = endpoint === undefined ? undefined : { endpoint, at: now }
    return endpoint
  }

  #kept(endpoints: readonly Endpoint[], since: number): Endpoint | undefined {
    const pinned = this.#pinned
    if (pinned === undefined || pinned.at <= since) return undefined
    const { address, port } = pinned.endpoint
    return endpoints.find((endpoint) => endpoint.address === address && endpoint.port === port)
  }
}
