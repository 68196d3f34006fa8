import type { DataplaneFactory } from '@portolan/core'
import { behaving } from './behaviour-mutant.ts'
import { type BehaviourName, behaviours } from './behaviours.ts'

/** A factory whose setting `mutant` names the behaviour, so that a process that is to be killed can make it too. */
export function mutantFactory(factory: DataplaneFactory): DataplaneFactory {
  return (options) => {
    const { mutant = '', ...settings } = options.settings
    if (!Object.hasOwn(behaviours, mutant)) throw new Error(`there is no mutant ${mutant}`)
    return behaving(factory, behaviours[mutant as BehaviourName])({ ...options, settings })
  }
}
