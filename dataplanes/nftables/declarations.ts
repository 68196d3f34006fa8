import type { Protocol } from '@portolan/core'
import { balanceChain, balanceChains, setsOf } from './balance-chains.ts'
import { baseChains } from './base-chains.ts'
import type { ChainDeclaration, Setting } from './chain.ts'
import { declareChains, declareSet } from './declare.ts'
import type { ElementChanges } from './elements.ts'
import {
  balanceChainsOf,
  baseSets,
  countsOf,
  type Over,
  type Place,
  policyChainsOf,
  type SetDeclaration,
} from './layout.ts'
import { type Choice, choiceNumber, type Policy, policyNumber } from './numbers.ts'
import { deliveryChains, policyChain, policyChains } from './policy-chains.ts'

/** Up to here all smaller counts come along; a larger count brings just those beside it. */
const mostContiguous = 512

/**
 * The counts of endpoints whose chains are made when a Service first has this count: a block of neighbours, and all
 * blocks below. Chains are made ahead of need, because making one means starting nft, which reads the elements of all
 * maps that a rule names (90 ms at 10,000 Services, nothing on an empty table), while going from one count to a known
 * other one is a set element (20 microseconds).
 */
export function countsAround(count: number): { readonly first: number; readonly last: number } {
  const size = count <= 8 ? 4 : count <= 16 ? 8 : 16
  const first = Math.floor((count - 1) / size) * size + 1
  return { first: count <= mostContiguous ? 1 : first, last: first + size - 1 }
}

/** Collects the chains and sets that a program needs and the table lacks, with the elements that lead to them. */
export class Declarations {
  readonly sets: SetDeclaration[] = []
  readonly chains: ChainDeclaration[] = []
  /** Names of all of these. */
  readonly names = new Set<string>()
  readonly #setting: Setting
  readonly #held: ReadonlySet<string>
  readonly #changes: ElementChanges

  /** @param held names of the chains and sets that are there */
  constructor(setting: Setting, held: ReadonlySet<string>, changes: ElementChanges) {
    this.#setting = setting
    this.#held = held
    this.#changes = changes
  }

  base(): void {
    for (const set of baseSets) this.#set(set)
    for (const chain of baseChains(this.#setting)) this.#chain(chain)
  }

  policy(place: Place, policy: Policy): void {
    const name = policyChain(place, policy)
    if (this.#has(name)) return
    for (const letter of new Set([policy.pod, policy.node, policy.outside])) {
      if (letter !== 'r' && letter !== 'd')
        this.#delivery(place, letter.toLowerCase() === 'c' ? 'cluster' : 'local')
    }
    for (const chain of policyChains(this.#setting, place, policy)) this.#chain(chain)
    this.#changes.add(policyChainsOf(place), [policyNumber(policy)], [name])
  }

  balance(place: Place, over: Over, protocol: Protocol, choice: Choice): void {
    if (this.#has(balanceChain(place, over, protocol, choice))) return
    this.#delivery(place, over)
    for (const set of setsOf(place, over, protocol, choice)) this.#set(set)
    const { first, last } = countsAround(choice.count)
    for (let count = first; count <= last; count++) {
      const neighbour = { ...choice, count }
      const name = balanceChain(place, over, protocol, neighbour)
      if (this.#has(name)) continue
      for (const chain of balanceChains(this.#setting, place, over, protocol, neighbour)) this.#chain(chain)
      this.#changes.add(balanceChainsOf(place, over), [protocol, choiceNumber(neighbour)], [name])
    }
  }

  /** The nft commands; sets first, because rules name them. */
  commands(): string[] {
    return [
      ...this.sets.map((set) => declareSet(this.#setting, set)),
      ...declareChains(this.#setting, this.chains),
    ]
  }

  #delivery(place: Place, over: Over): void {
    const chains = deliveryChains(this.#setting, place, over)
    if (chains.every(({ name }) => this.#has(name))) return
    this.#set(countsOf(place, over))
    this.#set(balanceChainsOf(place, over))
    for (const chain of chains) this.#chain(chain)
  }

  #has(name: string): boolean {
    return this.#held.has(name) || this.names.has(name)
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
