import type { EndpointScope, Protocol } from '@portolan/core'
import { balanceChain, balanceChains, readBalanceChain, setsOf } from '../layout/balance-chains.ts'
import { baseChains } from '../layout/base-chains.ts'
import type { ChainDeclaration, Setting } from '../layout/chain.ts'
import type { ElementChanges } from '../layout/elements.ts'
import { type Choice, maximumAffinityCount, maximumCount, type Policy } from '../layout/numbers.ts'
import { deliveryChains, policyChain, policyChains, readPolicyChain } from '../layout/policy-chains.ts'
import { balanceChainsOf, baseSets, countsOf, type SetDeclaration } from '../layout/sets.ts'
import type { Place } from '../layout/table.ts'

/** Up to here all smaller counts come along; a larger count brings just those beside it. */
const maxContiguous = 512

/**
 * The counts of endpoints whose chains are made when a Service first has this count: a block of neighbours, and all
 * blocks below. Chains are made ahead of need, because making one means starting nft, which reads the elements of all
 * maps that a rule names (90 ms at 10,000 Services, nothing on an empty table), while going from one count to a known
 * other one is a set element (20 microseconds).
 */
export function countsAround(count: number): { readonly first: number; readonly last: number } {
  const size = count <= 8 ? 4 : count <= 16 ? 8 : 16
  const first = Math.floor((count - 1) / size) * size + 1
  return { first: count <= maxContiguous ? 1 : first, last: first + size - 1 }
}

/** Collects the chains and sets that a program needs and the table lacks. */
export class Declarations {
  readonly sets: SetDeclaration[] = []
  readonly chains: ChainDeclaration[] = []
  /** Names of all of these. */
  readonly names = new Set<string>()
  readonly #setting: Setting
  readonly #observed: ReadonlySet<string>

  /** @param observed names of the chains and sets that are there, each chain with its rules and its entry */
  constructor(setting: Setting, observed: ReadonlySet<string>) {
    this.#setting = setting
    this.#observed = observed
  }

  base(): void {
    for (const set of baseSets) this.#set(set)
    for (const chain of baseChains(this.#setting)) this.#chain(chain)
  }

  policy(place: Place, policy: Policy): void {
    if (this.#has(policyChain(place, policy))) return
    for (const letter of new Set([policy.pod, policy.node, policy.outside])) {
      if (letter !== 'r' && letter !== 'd')
        this.#delivery(place, letter.toLowerCase() === 'c' ? 'cluster' : 'local')
    }
    for (const chain of policyChains(this.#setting, place, policy)) this.#chain(chain)
  }

  balance(place: Place, over: EndpointScope, protocol: Protocol, choice: Choice): void {
    if (this.#has(balanceChain(place, over, protocol, choice))) return
    this.#delivery(place, over)
    for (const set of setsOf(place, over, protocol, choice)) this.#set(set)
    const { first, last } = countsAround(choice.count)
    const most = choice.affinitySeconds === undefined ? maximumCount : maximumAffinityCount
    for (let count = first; count <= Math.min(last, most); count++) {
      const neighbour = { ...choice, count }
      if (this.#has(balanceChain(place, over, protocol, neighbour))) continue
      for (const chain of balanceChains(this.#setting, place, over, protocol, neighbour)) this.#chain(chain)
    }
  }

  /** The sets that elements come into, whether a rule names them yet or not. */
  setsOf(elements: ElementChanges): void {
    for (const { set, additions } of elements) if (additions.length > 0) this.#set(set)
  }

  /** What a chain of this name was declared for. Names that aren't of this layout declare nothing. */
  named(chain: string): void {
    const policy = readPolicyChain(chain)
    if (policy !== undefined) this.policy(policy.place, policy.policy)
    const balance = readBalanceChain(chain)
    if (balance !== undefined) this.balance(balance.place, balance.over, balance.protocol, balance.choice)
  }

  #delivery(place: Place, over: EndpointScope): void {
    const chains = deliveryChains(this.#setting, place, over)
    if (chains.every(({ name }) => this.#has(name))) return
    this.#set(countsOf(place, over))
    this.#set(balanceChainsOf(place, over))
    for (const chain of chains) this.#chain(chain)
  }

  #has(name: string): boolean {
    return this.#observed.has(name) || this.names.has(name)
  }

  #set(set: SetDeclaration): void {
    if (this.#has(set.name)) return
    this.names.add(set.name)
    this.sets.push(set)
  }

  #chain(chain: ChainDeclaration): void {
    if (this.#has(chain.name)) return
    this.names.add(chain.name)
    this.chains.push(chain)
  }
}
