import { type Address, cidrContains, type Endpoint, parseCidr } from '@portolan/core'
import { markerChain } from '../layout/base-chains.ts'
import type { ChainDeclaration, Setting } from '../layout/chain.ts'
import { elementText } from '../layout/element-text.ts'
import { type Datum, dataText, readDataText } from '../layout/elements.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { allowedSourceSet, type SetDeclaration } from '../layout/sets.ts'
import { observedSets } from './observed-sets.ts'

/** What the kernel lacks, or has otherwise. */
export type Check = (observedState: ObservedState) => readonly string[]

/** Whether there is a table, laid out and set as this one is. */
export function soundTable(setting: Setting): Check {
  const marker = markerChain(setting)
  return ({ chains, exists, flaw }) => {
    if (!exists) return ['there is no table']
    if (flaw !== undefined) return [flaw]
    return chains.has(marker)
      ? []
      : [`the table is of another version, or of other flags: no chain ${marker}`]
  }
}

/** A chain with its rules, and the element by which packets come to it. */
export function holdsChain(chain: ChainDeclaration | undefined): Check {
  return (observedState) => {
    if (chain === undefined) return []
    const { name, rules, entry } = chain
    const count = observedState.chains.get(name)
    if (count === undefined) return [`chain ${name} is missing`]
    const wrong = count === rules.length ? [] : [`chain ${name}: ${count} rules instead of ${rules.length}`]
    return entry === undefined
      ? wrong
      : [...wrong, ...holdsElement(entry.map, entry.key, [name])(observedState)]
  }
}

/** A chain with its rules; how packets come to it is an earlier step's matter. */
export function holdsChainNamed(chains: readonly ChainDeclaration[], wanted: string): Check {
  const chain = chains.find(({ name }) => name === wanted)
  if (chain === undefined) return holdsChain(undefined)
  const { entry: _, ...rest } = chain
  return holdsChain(rest)
}

export function holdsElement(set: SetDeclaration, key: readonly Datum[], value?: readonly Datum[]): Check {
  const wanted = elementText(set, value === undefined ? { key } : { key, value })
  return ({ elements }) => {
    const found = elements.get(set.name)?.get(dataText(key))
    if (found === undefined) return [`${set.name} lacks { ${wanted} }`]
    if (value === undefined || found === dataText(value)) return []
    const other = elementText(set, { key, value: readDataText(found, set.value ?? []) })
    return [`${set.name} has { ${other} } in place of { ${wanted} }`]
  }
}

/** That no range lets this source in. */
export function holdsNoRange(key: readonly Datum[], source: Address): Check {
  return ({ elements }) =>
    [...(elements.get(allowedSourceSet.name)?.keys() ?? [])].flatMap((text) => {
      const observedKey = readDataText(text, allowedSourceSet.key)
      const range = parseCidr(String(observedKey.at(-1)))
      if (dataText(observedKey.slice(0, -1)) !== dataText(key)) return []
      if (range === undefined || !cidrContains(range, source)) return []
      return [`${allowedSourceSet.name} has { ${elementText(allowedSourceSet, { key: observedKey })} }`]
    })
}

/** The endpoints behind a destination, in whatever order. */
export function holdsEndpoints(
  endpoints: readonly Endpoint[],
  orderOf: (observedState: ObservedState) => readonly string[] | undefined,
): Check {
  const wanted = endpoints.map(({ address, port }) => `${address}|${port}`)
  return (observedState) => {
    const found = orderOf(observedState) ?? []
    return [
      ...wanted.filter((key) => !found.includes(key)).map((key) => `no slot leads to ${shown(key)}`),
      ...found
        .filter((key) => !wanted.includes(key))
        .map((key) => (key === '' ? 'a slot is empty' : `a slot leads to ${shown(key)}`)),
    ]
  }
}

function shown(endpointKey: string): string {
  return endpointKey.replace('|', ' port ')
}

/** A range in which unallocated addresses are dropped, around this one. */
export function holdsRange(address: Address, set: string): Check {
  return (observedState) => {
    const ranges = observedSets(observedState).serviceCidrs.flatMap((text) => parseCidr(text) ?? [])
    return ranges.some((range) => cidrContains(range, address))
      ? []
      : [`${set} has no range around ${address}`]
  }
}
