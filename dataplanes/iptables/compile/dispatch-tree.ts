import type { FrontendKey, Protocol } from '@portolan/core'
import { protocols } from '@portolan/core'
import { addressRoot, portRoot } from '../layout/chain-names.ts'
import type { Step } from '../layout/dispatch-path.ts'

/** A chain of a tree: its rules by what they lead to (another chain, or a frontend's key). */
type Node = ReadonlyMap<string, readonly string[]>

export interface DispatchEdit {
  readonly path: readonly Step[]
  readonly key: FrontendKey
  /** Absent: the destination goes. */
  readonly rules?: readonly string[]
}

/** New content of chains; `undefined`: the chain goes. */
export type DispatchChange = ReadonlyMap<string, Node | undefined>

const roots: readonly string[] = [addressRoot, ...protocols.map((protocol: Protocol) => portRoot(protocol))]

/**
 * The chains that lead to all destinations. A chain is there while something is behind it; the roots always are. It is
 * remembered so that a change of one destination writes its leaf anew and nothing else.
 */
export class DispatchTree {
  readonly #nodes = new Map<string, Node>(roots.map((root) => [root, new Map()]))

  /** What the edits change, without changing it yet. Costs as much as the chains that they touch. */
  propose(edits: Iterable<DispatchEdit>): DispatchChange {
    const proposed = new Map<string, Map<string, readonly string[]>>()
    const open = (chain: string) => {
      let node = proposed.get(chain)
      if (node === undefined) {
        node = new Map(this.#nodes.get(chain))
        proposed.set(chain, node)
      }
      return node
    }
    const [going, coming]: [DispatchEdit[], DispatchEdit[]] = [[], []]
    for (const edit of edits) (edit.rules === undefined ? going : coming).push(edit)
    for (const { path, key } of going) {
      open(leafOf(path)).delete(key)
      for (const { chain, to } of path.toReversed()) {
        if (open(to).size > 0) break
        open(chain).delete(to)
      }
    }
    for (const { path, key, rules = [] } of coming) {
      for (const { chain, rule, to } of path) if (!open(chain).has(to)) open(chain).set(to, [rule])
      open(leafOf(path)).set(key, rules)
    }
    const change = new Map<string, Node | undefined>()
    for (const [chain, node] of proposed) {
      const before = this.#nodes.get(chain)
      const after = node.size > 0 || roots.includes(chain) ? node : undefined
      if (!sameNode(before, after)) change.set(chain, after)
    }
    return change
  }

  commit(change: DispatchChange): void {
    for (const [chain, node] of change) {
      if (node === undefined) this.#nodes.delete(chain)
      else this.#nodes.set(chain, node)
    }
  }

  /** All chains, to be written from nothing. */
  get nodes(): DispatchChange {
    return this.#nodes
  }
}

/** A chain's rules, in an order that depends on its content alone. */
export function rulesOf(node: Node): readonly string[] {
  return [...node.keys()].sort().flatMap((key) => node.get(key) ?? [])
}

function leafOf(path: readonly Step[]): string {
  return path.at(-1)?.to ?? ''
}

function sameNode(before: Node | undefined, after: Node | undefined): boolean {
  if (before === undefined || after === undefined) return before === after
  if (before.size !== after.size) return false
  for (const [key, rules] of after) {
    const old = before.get(key)
    if (old === undefined || old.length !== rules.length || old.some((rule, at) => rule !== rules[at]))
      return false
  }
  return true
}
