import type { CompiledProgram, Dataplane } from '@portolan/core'
import type { Subject } from './play.ts'
import { findCounterexample, type Search } from './property.ts'

/** What a faulty dataplane does otherwise than the sound one that it is made of. */
export type FaultyParts<Program extends CompiledProgram, Observed> = Partial<
  Pick<Dataplane<Program, Observed>, 'compile' | 'reconcile' | 'apply' | 'observe'>
>

/** The subject with a fault planted into each dataplane that it opens. */
export function mutated<Program extends CompiledProgram, Observed>(
  subject: Subject,
  plant: (sound: Dataplane<Program, Observed>) => FaultyParts<Program, Observed>,
): Subject {
  return {
    ...subject,
    open() {
      const sound = subject.open()
      const faulty = plant(sound as Dataplane<Program, Observed>)
      return new Proxy(sound, {
        get(target, name) {
          const part = name in faulty ? Reflect.get(faulty, name) : Reflect.get(target, name, target)
          return typeof part === 'function' ? part.bind(name in faulty ? faulty : target) : part
        },
      })
    },
    ...(subject.fresh === undefined ? {} : { fresh: subject.fresh }),
  }
}

/** How many random sequences it takes to find out about a fault; `undefined`: more than `most`. */
export async function sequencesUntilFound(
  subject: () => Subject,
  most: number,
  options: Partial<Search> = {},
): Promise<number | undefined> {
  const search: Search = { ...options, subject, firstSeed: 1, sequences: most, maxRuns: 0 }
  return (await findCounterexample(search))?.sequences
}
