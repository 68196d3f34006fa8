import type { NetworkInterface } from '@portolan/native'
import type { NodeState } from '../layout/observed-state.ts'

/** How a node differs from what it was. */
export interface NodeChanges {
  /** Indexes of those that are new or have changed. */
  readonly interfaces: ReadonlySet<number>
  readonly gone: readonly NetworkInterface[]
  readonly namespaces: boolean
  /** For a log. */
  readonly said: readonly string[]
}

export function changesOf(before: NodeState, after: NodeState): NodeChanges {
  const known = new Map(before.interfaces.map((one) => [one.index, one]))
  const changed = after.interfaces.filter((one) => !isSame(known.get(one.index), one))
  const there = new Set(after.interfaces.map(({ index }) => index))
  const gone = before.interfaces.filter(({ index }) => !there.has(index))
  const namespaces = String(before.podNamespaces) !== String(after.podNamespaces)
  return {
    interfaces: new Set(changed.map(({ index }) => index)),
    gone,
    namespaces,
    said: [
      ...changed.map(({ index, name }) => `interface ${name} ${known.has(index) ? 'changed' : 'came'}`),
      ...gone.map(({ name }) => `interface ${name} went`),
      ...(namespaces ? ['network namespaces of pods changed'] : []),
    ],
  }
}

function isSame(one: NetworkInterface | undefined, other: NetworkInterface): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other)
}
