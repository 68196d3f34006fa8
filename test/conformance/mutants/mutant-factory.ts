import type { DataplaneFactory } from '@portolan/core'
import { type Behaviour, behaving } from './behaviour-mutant.ts'
import { type BehaviourName, behaviours } from './behaviours.ts'

/** A factory whose setting `mutant` names the behaviour, so that a process that is to be killed can make it too. */
export function mutantFactory(factory: DataplaneFactory): DataplaneFactory {
  return {
    ...factory,
    create(options, supervision) {
      const { mutant = '', ...settings } = options.settings
      if (!Object.hasOwn(behaviours, mutant)) throw new Error(`there is no mutant ${mutant}`)
      const behaviour: Behaviour = behaviours[mutant as BehaviourName]
      return behaving(factory, behaviour).create({ ...options, settings }, supervision)
    },
  }
}
