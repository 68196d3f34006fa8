import { interference, type Subject } from '@portolan/conformance/convergence'
import type { RoutingTable } from '@portolan/core'
import type { ObservedState } from '../layout/observed-state.ts'
import { findSet } from '../layout/sets.ts'
import type { Settings } from '../layout/settings.ts'
import { defineNftables } from '../nftables-dataplane.ts'
import { KernelModel } from './kernel-model.ts'
import { ModelTransport } from './model-transport.ts'
import { namesIn } from './nft-commands.ts'

/** This dataplane over a model of the kernel, for the convergence property. */
export function modelSubject(transport: Settings['transport']): Subject {
  const kernel = new KernelModel()
  return {
    open: () =>
      defineNftables(async () => new ModelTransport(kernel, transport)).create({
        masqueradeBit: 14,
        settings: { transport },
      }),
    break(fault) {
      kernel.interfere = interference(fault)
    },
    meaning: (observedState, table) =>
      meaningOf(observedState as ObservedState, table, (chain) => rulesOf(kernel, table, chain)),
    fresh: () => modelSubject(transport),
  }
}

function rulesOf(kernel: KernelModel, { family }: RoutingTable, chain: string): readonly string[] {
  return kernel.tables.get(family)?.chains.get(chain) ?? []
}

/**
 * The elements and the chains that packets can come to. Numbers of routes and endpoints with affinity are given by
 * history; here each endpoint stands for its number.
 *
 * @param rules of a chain
 */
export function meaningOf(
  observedState: ObservedState,
  table: RoutingTable,
  rules: (chain: string) => readonly string[],
): unknown {
  const elements: Record<string, string[]> = {}
  const reached = new Set<string>()
  for (const [name, there] of observedState.elements) {
    if (findSet(name)?.kind === 'static') continue
    if (there.size === 0) continue
    elements[name] = [...there].map(([key, value]) => elementOf(observedState, name, key, value)).sort()
    const chains = chainsOf(name)
    if (chains === undefined) continue
    for (const [key, value] of there) {
      const [protocol = ''] = key.split('|').slice(-2)
      const chain = observedState.elements
        .get(chains)
        ?.get(name.startsWith('counts') ? `${protocol}|${value}` : value)
      reached.add(chain ?? `nowhere from ${name} { ${key} : ${value} }`)
    }
  }
  for (const chain of ['services', 'prerouting', 'output', 'postrouting']) reached.add(chain)
  const found: Record<string, readonly string[]> = {}
  for (const chain of reached) {
    found[chain] = rules(chain)
    for (const rule of rules(chain)) for (const next of namesIn(rule).chains) reached.add(next)
  }
  return {
    elements: Object.entries(elements).sort(byName),
    chains: Object.entries(found).sort(byName),
    podSource: table.podSource,
  }
}

function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1
}

/** The verdict map that the values of a map lead through, if they do. */
function chainsOf(map: string): string | undefined {
  if (map === 'vips') return 'policies-vip'
  if (map === 'nodeports') return 'policies-nodeport'
  return map.startsWith('counts-') ? map.replace('counts', 'balancers') : undefined
}

function elementOf(observedState: ObservedState, name: string, key: string, value: string): string {
  if (name.startsWith('affinity-routes-')) return key
  if (name.startsWith('affinity-endpoints-')) return `${key.slice(0, key.lastIndexOf('|'))} : ${value}`
  if (!name.startsWith('affinity-picks-')) return `${key} : ${value}`
  const targets = observedState.elements.get(name.replace('picks', 'endpoints'))
  const endpoint = targets?.get(`${key.slice(0, key.lastIndexOf('|'))}|${value}`)
  return `${key} : ${endpoint ?? `nowhere by ${value}`}`
}
