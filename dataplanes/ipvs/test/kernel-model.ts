import { type Interference, interference } from '@portolan/conformance/convergence'
import { NetfilterModel } from '@portolan/conformance/netfilter-model'
import { type Endpoint, endpointKey, type IpFamily } from '@portolan/core'
import type { Step } from '../compile/step.ts'
import { applySteps, type BatchAnswer } from '../kernel/netlink-steps.ts'
import type { Applied, Transport } from '../kernel/transport.ts'
import { type Element, elementKey, type SetElement } from '../layout/element.ts'
import { kernelName, type SetName, sets } from '../layout/sets.ts'
import {
  type ObservedDestination,
  type ObservedServer,
  type ServerKey,
  type ServerPlace,
  type ServerTerms,
  serverKey,
  type VirtualServer,
} from '../layout/virtual-server.ts'

interface ModelServer {
  readonly place: ServerPlace
  terms: ServerTerms
  readonly destinations: Map<string, ModelDestination>
}

interface ModelDestination {
  readonly endpoint: Endpoint
  weight: number
  /** Connections that are open. */
  active: number
}

/** Linux's numbers of what it answers. */
const errno = { noEntry: 2, noProcess: 3, noMemory: 12, exists: 17 }

/**
 * IPVS, ipsets and the route of one node in memory, as netlink shows them: each step of a batch is tried, whatever became of
 * those before it. iptables is {@link NetfilterModel}. `kernel-checks.ts` compares it with the real kernel, in the VM.
 */
export class KernelModel {
  readonly netfilter = new NetfilterModel()
  /** Asked around each step, and each other call that changes something. */
  interfere: Interference = interference(undefined)
  readonly #servers = new Map<IpFamily, Map<ServerKey, ModelServer>>()
  readonly #sets = new Map<string, Map<string, Element>>()
  readonly #routed = new Map<IpFamily, number>()
  readonly #sysctls = new Map<string, string>()
  readonly #isBusy: boolean
  #counter = 0

  /** @param isBusy whether there is a connection to every third destination, until {@link endConnections} */
  constructor(isBusy = true) {
    this.#isBusy = isBusy
  }

  /** All connections end. */
  endConnections(): void {
    for (const servers of this.#servers.values())
      for (const { destinations } of servers.values())
        for (const destination of destinations.values()) destination.active = 0
  }

  servers(family: IpFamily): ReadonlyMap<ServerKey, ModelServer> {
    return this.#serversOf(family)
  }

  send(family: IpFamily, batch: readonly Step[]): BatchAnswer {
    const refused = new Map<number, number>()
    let lost: unknown
    for (const [index, step] of batch.entries()) {
      try {
        this.interfere.before()
      } catch {
        refused.set(index, errno.noMemory)
        continue
      }
      const code = 'set' in step ? this.#element(family, step) : this.#server(family, step)
      if (code !== undefined) refused.set(index, code)
      try {
        this.interfere.after()
      } catch (error) {
        lost = error
      }
    }
    if (lost !== undefined) throw lost
    return { bytes: 0, refused }
  }

  transport(): Transport {
    const change = async (work: () => void) => {
      this.interfere.before()
      work()
      this.interfere.after()
    }
    return {
      name: 'netlink',
      apply: async (family: IpFamily, steps: readonly Step[]): Promise<Applied> => {
        try {
          return applySteps(family, steps, (batch) => this.send(family, batch))
        } finally {
          // What follows a program by itself is no part of it: the look at what has drained.
          this.interfere = interference(undefined)
        }
      },
      readServers: async (family) => [...this.#serversOf(family).values()].map(asRead),
      readSets: async (family) => {
        const found = new Map<SetName, SetElement['element'][]>()
        for (const { name } of sets) {
          const elements = this.#sets.get(kernelName(family, name))
          if (elements !== undefined) found.set(name, [...elements.values()])
        }
        return found
      },
      createSet: (family, set) =>
        change(() => {
          this.#sets.set(kernelName(family, set), new Map())
          this.netfilter.createSet(kernelName(family, set))
        }),
      destroySets: async () => 0,
      isRouted: async (family, mark) => this.#routed.get(family) === mark,
      route: (family, mark) => change(() => this.#routed.set(family, mark)),
      unroute: async (family) => this.#routed.delete(family),
      readSysctl: async (name) => this.#sysctls.get(name) ?? '0',
      writeSysctl: (name, value) => change(() => this.#sysctls.set(name, value)),
      setTimeouts: async () => {},
      readServersAt: async (family, places) => {
        const found = new Map<ServerKey, ObservedServer>()
        for (const place of places) {
          const server = this.#serversOf(family).get(serverKey(place))
          if (server === undefined) continue
          const destinations = [...server.destinations.values()].map(
            ({ endpoint, weight, active }): ObservedDestination => ({
              endpoint,
              weight,
              active,
              inactive: 0,
            }),
          )
          found.set(serverKey(place), { terms: server.terms, destinations })
        }
        return found
      },
      countElements: async (family, set) => this.#sets.get(kernelName(family, set))?.size,
      readGeneration: () => undefined,
      close() {},
    }
  }

  #serversOf(family: IpFamily): Map<ServerKey, ModelServer> {
    const servers = this.#servers.get(family) ?? new Map<ServerKey, ModelServer>()
    this.#servers.set(family, servers)
    return servers
  }

  /** What is there already or no more is no error: ipset is asked without IPSET_FLAG_EXIST's opposite, NLM_F_EXCL. */
  #element(family: IpFamily, step: Extract<Step, { readonly set: SetName }>): number | undefined {
    const elements = this.#sets.get(kernelName(family, step.set))
    if (elements === undefined) return errno.noEntry
    if (step.do === 'add-element') elements.set(elementKey(step.element), step.element)
    else elements.delete(elementKey(step.element))
    return undefined
  }

  #server(family: IpFamily, step: Exclude<Step, { readonly set: SetName }>): number | undefined {
    const servers = this.#serversOf(family)
    const key = serverKey(step.place)
    const server = servers.get(key)
    if (step.do === 'add-server') {
      if (server !== undefined) return errno.exists
      servers.set(key, { place: step.place, terms: step.terms, destinations: new Map() })
      return undefined
    }
    if (server === undefined) return errno.noProcess
    if (step.do === 'edit-server') server.terms = step.terms
    else if (step.do === 'delete-server') servers.delete(key)
    else return this.#destination(server, step)
    return undefined
  }

  #destination(
    { destinations }: ModelServer,
    step: Extract<Step, { readonly endpoint: Endpoint }>,
  ): number | undefined {
    const key = endpointKey(step.endpoint)
    const there = destinations.get(key)
    if (step.do === 'add-destination') {
      if (there !== undefined) return errno.exists
      destinations.set(key, {
        endpoint: step.endpoint,
        weight: step.weight ?? 1,
        active: this.#isBusy && this.#counter++ % 3 === 0 ? 1 : 0,
      })
      return undefined
    }
    if (there === undefined) return errno.noEntry
    if (step.do === 'weigh-destination') there.weight = step.weight
    else destinations.delete(key)
    return undefined
  }
}

function asRead({ place, terms, destinations }: ModelServer): VirtualServer {
  const weighing = (weight: number) =>
    [...destinations.values()].filter((one) => one.weight === weight).map(({ endpoint }) => endpoint)
  return { place, terms, endpoints: weighing(1), draining: weighing(0) }
}
