import type { IpFamily } from '@portolan/core'
import { kernelName } from '../layout/sets.ts'
import type { Step } from './step.ts'

const words: Readonly<Record<Step['do'], string>> = {
  'add-server': 'missing',
  'edit-server': 'different',
  'delete-server': 'too many',
  'add-destination': 'missing',
  'weigh-destination': 'of another weight',
  'delete-destination': 'too many',
  'add-element': 'missing',
  'delete-element': 'too many',
}

/** What the kernel holds differently, a line for each kind of object. */
export function describeSteps(family: IpFamily, steps: readonly Step[]): string[] {
  const counts = new Map<string, Map<string, number>>()
  for (const step of steps) {
    const object =
      'set' in step
        ? `ipset ${kernelName(family, step.set)}`
        : 'endpoint' in step
          ? `${family} destinations of virtual servers`
          : `${family} virtual servers`
    const byWord = counts.get(object) ?? new Map<string, number>()
    counts.set(object, byWord)
    byWord.set(words[step.do], (byWord.get(words[step.do]) ?? 0) + 1)
  }
  return [...counts].map(
    ([object, byWord]) => `${object}: ${[...byWord].map(([word, count]) => `${count} ${word}`).join(', ')}`,
  )
}
