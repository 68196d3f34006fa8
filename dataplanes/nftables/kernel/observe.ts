import type { IpFamily } from '@portolan/core'
import { isOurLayout } from '../layout/base-chains.ts'
import type { ObservedState } from '../layout/observed-state.ts'
import { findSet } from '../layout/sets.ts'
import { ForeignElementError } from './foreign-element-error.ts'
import type { Transport } from './transport.ts'

/**
 * What the kernel holds of a family's table. The chain that marks the layout is looked at before any element is: those
 * of another layout can't be read.
 *
 * @param flaw why the table is to be replaced whatever it looks like
 */
export async function observe(transport: Transport, family: IpFamily, flaw?: string): Promise<ObservedState> {
  const structure = await transport.readStructure(family)
  const observedState: ObservedState = { ...structure, family, elements: new Map() }
  if (!observedState.exists) return observedState
  const found = layoutFlaw(observedState) ?? flaw ?? observedState.flaw
  if (found !== undefined) return { ...observedState, flaw: found }
  const ours = [...observedState.sets].map(findSet).filter((set) => set !== undefined)
  const written = ours.filter(({ kind }) => kind !== 'timeout')
  try {
    return { ...observedState, elements: await transport.readElements(family, written) }
  } catch (error) {
    if (error instanceof ForeignElementError) return { ...observedState, flaw: error.message }
    throw error
  }
}

function layoutFlaw({ chains }: ObservedState): string | undefined {
  return isOurLayout(chains.keys()) ? undefined : 'the table is of another version, or not of Portolan'
}
