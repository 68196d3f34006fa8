import { endpointKey, type IpFamily } from '@portolan/core'
import type { Setting } from '../compile/base-rules.ts'
import type { Memory } from '../compile/memory.ts'
import type { Step } from '../compile/step.ts'
import { iptablesRules } from '../layout/iptables-rules.ts'
import { differences } from '../layout/iptables-script.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { type SetName, sets } from '../layout/sets.ts'
import { sysctlsOf } from '../layout/sysctls.ts'
import { sameTerms, serverKey, type VirtualServer } from '../layout/virtual-server.ts'
import type { Iptables } from './iptables.ts'
import type { Transport } from './transport.ts'

/** Virtual servers that one look compares; the next look goes on with the next ones, so none is left out for ever. */
const serversPerLook = 32
/** After so many milliseconds only reading everything can tell: what was replaced one for one has the same numbers. */
const lookInsideAfter = 60_000
/** Looks after which the iptables rules are read whatever the generation says: legacy iptables has none. */
const rulesEveryLooks = 10

/**
 * Looks whether others have changed what is ours: numbers of elements, sysctls, the route, and the iptables rules if the
 * generation of nf_tables has moved; and some virtual servers in turn, because IPVS has no generation and tells of no
 * change. The cost of a look doesn't grow with the cluster. Once in a minute it is unsure, so that everything is read.
 */
export class DriftDetector {
  readonly #counts = new Map<SetName, number>()
  #generation: number | undefined
  #looks = 0
  #next = 0
  /** When everything was read; `undefined`: something may have been done since, unnoticed. */
  #observedAt: number | undefined
  readonly #now: () => number

  /** @param now milliseconds on a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** What was read back is what there is. */
  observed(observedState: ObservedState, generation: number | undefined): void {
    for (const { name } of sets) this.#counts.set(name, observedState.elements.get(name)?.length ?? 0)
    this.#generation = generation
    this.#observedAt = this.#now()
  }

  /** Steps of ours that were done. */
  applied(steps: readonly Step[]): void {
    for (const step of steps) {
      if (!('set' in step) || (step.do === 'add-element' && step.before !== undefined)) continue
      const change = step.do === 'add-element' ? 1 : -1
      this.#counts.set(step.set, (this.#counts.get(step.set) ?? 0) + change)
    }
  }

  /** Rules of ours were written: the generation moved through us, perhaps not through us alone. */
  rulesWritten(): void {
    this.#generation = undefined
  }

  /** Something may have been done or not: only reading back can tell. */
  doubt(): void {
    this.#observedAt = undefined
  }

  async isQuiet(
    transport: Transport,
    iptables: Iptables,
    setting: Setting,
    memory: Memory,
  ): Promise<boolean> {
    if (this.#observedAt === undefined || this.#now() - this.#observedAt > lookInsideAfter) return false
    const { family } = setting
    for (const [name, value] of sysctlsOf(family))
      if ((await transport.readSysctl(name)) !== value) return false
    if (!(await transport.isRouted(family, 2 ** setting.routeMarkBit))) return false
    for (const { name } of sets) {
      const count = await transport.countElements(family, name)
      if (count === undefined || count !== this.#counts.get(name)) return false
    }
    return (
      (await this.#rulesAreWhole(transport, iptables, setting)) &&
      (await this.#someServersAreWhole(transport, family, memory))
    )
  }

  async #rulesAreWhole(transport: Transport, iptables: Iptables, setting: Setting): Promise<boolean> {
    const generation = transport.readGeneration()
    const moved = generation === undefined || generation !== this.#generation
    if (!moved && this.#looks++ % rulesEveryLooks !== 0) return true
    const rules = await iptables.read(setting.family)
    const whole = iptablesRules(setting).every((wanted) => {
      return differences(wanted, rules.get(wanted.table)).length === 0
    })
    if (whole) this.#generation = generation
    return whole
  }

  async #someServersAreWhole(transport: Transport, family: IpFamily, memory: Memory): Promise<boolean> {
    const servers = [...serversOf(memory, this.#next, serversPerLook)]
    this.#next = servers.length < serversPerLook ? 0 : this.#next + serversPerLook
    const found = await transport.readServersAt(
      family,
      servers.map(({ place }) => place),
    )
    for (const server of servers) {
      const observed = found.get(serverKey(server.place))
      if (observed === undefined || !sameTerms(observed.terms, server.terms)) return false
      const weights = new Map(
        observed.destinations.map(({ endpoint, weight }) => [endpointKey(endpoint), weight]),
      )
      const due = (list: VirtualServer['endpoints'], weight: number) =>
        list.every((endpoint) => weights.get(endpointKey(endpoint)) === weight)
      const count = server.endpoints.length + server.draining.length
      if (weights.size !== count || !due(server.endpoints, 1) || !due(server.draining, 0)) return false
    }
    return true
  }
}

function* serversOf(memory: Memory, first: number, most: number): Generator<VirtualServer> {
  let index = 0
  for (const list of [memory.marked.values(), placed(memory)])
    for (const server of list) {
      if (index >= first + most) return
      if (index++ >= first) yield server
    }
}

function* placed(memory: Memory): Generator<VirtualServer> {
  for (const { server } of memory.placements.values()) if (server !== undefined) yield server
}
