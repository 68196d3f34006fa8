import type { IpFamily } from '@portolan/core'
import { nftFamily, tableName } from './layout.ts'
import type { NftCommand } from './nft-command.ts'

/** The chains and sets of a table without their elements: quick at any size. */
export interface Structure {
  /** Number of rules by chain. */
  readonly chains: ReadonlyMap<string, number>
  readonly sets: ReadonlySet<string>
}

export async function readStructure(nft: NftCommand, family: IpFamily): Promise<Structure> {
  const objects = (await nft.list(['-t', 'list', 'table', nftFamily(family), tableName])) ?? []
  const chains = new Map<string, number>()
  const sets = new Set<string>()
  for (const object of objects) {
    const chain = member(object, 'chain')
    const set = member(object, 'set') ?? member(object, 'map')
    const rule = member(object, 'rule')
    if (chain !== undefined) chains.set(String(chain.name), chains.get(String(chain.name)) ?? 0)
    if (set !== undefined) sets.add(String(set.name))
    if (rule !== undefined) chains.set(String(rule.chain), (chains.get(String(rule.chain)) ?? 0) + 1)
  }
  return { chains, sets }
}

/** `object[name]` where both are objects: nft lists `{ "chain": { ... } }`. */
export function member(object: unknown, name: string): Record<string, unknown> | undefined {
  if (typeof object !== 'object' || object === null) return undefined
  const value = (object as Record<string, unknown>)[name]
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
