import type { CompiledProgram, Dataplane, DataplaneFactory } from '@portolan/core'
import type { FaultyParts } from '../convergence/mutant.ts'
import { type Behaviour, behaving } from './behaviour-mutant.ts'
import { behaviours } from './behaviours.ts'
import { interferences } from './interferences.ts'
import { misunderstanding } from './misunderstandings.ts'

/**
 * A factory whose setting `mutant` names what it does wrong, so that a process that is to be killed can make it too.
 *
 * @param more of this dataplane alone
 */
export function mutantFactory(
  factory: DataplaneFactory,
  more: Readonly<Record<string, Behaviour>> = {},
): DataplaneFactory {
  const all: Readonly<Record<string, Behaviour>> = {
    ...behaviours,
    ...misunderstanding,
    ...interferences,
    ...more,
  }
  return {
    ...factory,
    create(options, supervision) {
      const { mutant = '', ...settings } = options.settings
      const behaviour = Object.hasOwn(all, mutant) ? all[mutant] : undefined
      if (behaviour === undefined) throw new Error(`there is no mutant ${mutant}`)
      return behaving(factory, behaviour).create({ ...options, settings }, supervision)
    },
  }
}

/** What a dataplane does wrong in its own programs, as a behaviour. */
export function planted<Program extends CompiledProgram, Observed>(
  plant: (sound: Dataplane<Program, Observed>) => FaultyParts<Program, Observed>,
): Behaviour {
  return ({ real }) => plant(real as Dataplane<Program, Observed>) as Partial<Dataplane>
}
