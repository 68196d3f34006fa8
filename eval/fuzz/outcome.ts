import { resolve } from 'node:path'
import { amountsText } from './progress.ts'
import { testText } from './reproduction.ts'
import type { Told } from './run-search.ts'

/** What was searched, and how. */
export interface Asked {
  readonly dataplane: string
  readonly seed: number
  readonly seconds: number
  readonly testFile: string | undefined
  again(path?: string): string
}

export interface Outcome {
  readonly text: string
  readonly test?: string
  readonly data: object
  readonly hasFailed: boolean
}

/** What there is to print and to keep of a search. */
export function outcomeOf(told: Told, { dataplane, seed, seconds, testFile, again }: Asked): Outcome {
  const { result, subject, why, path, seen, isInterrupted } = told
  if (result === undefined || subject === undefined) {
    const at = seen === undefined ? path || 'before the first round' : 'while what was found was made short'
    const text = [
      `${dataplane}: ${at}: ${why}\n`,
      ...(seen === undefined ? [] : [`${seen.wrong}\n\n`]),
      ...(path === '' ? [] : [`again: ${again(seen?.path ?? path)}\n`]),
    ]
    return { text: text.join(''), data: { brokenOff: { path, why, seen } }, hasFailed: true }
  }
  const { found, once, isCutOff = false, ...done } = result
  const onceText = once.map(
    (one) =>
      `went wrong once, and not in the tries after it: ${again(one.path)}\n  ${one.wrong.split('\n')[0]}\n`,
  )
  const amounts = `${amountsText(done)} in ${seconds} s, from seed ${seed} on`
  if (found === undefined) {
    const end = isInterrupted ? 'interrupted' : isCutOff ? 'the time was over before the path was tried' : ''
    const what = end === '' ? 'nothing found' : `${end}; nothing found until then`
    const text = `${dataplane}: ${what}: ${amounts}\n${onceText.join('')}`
    return { text, data: { ...done, once, isCutOff }, hasFailed: end !== '' }
  }
  const command = again(found.path)
  const test = testText({ subject, found, again: command, file: resolve(testFile ?? 'found.test.ts') })
  const text = [
    `${dataplane}: found after ${Math.round(found.afterMs / 1000)} s: ${amounts}\n`,
    ...(found.isWhole ? ['interrupted before it was tried again and made short\n'] : []),
    ...onceText,
    `${found.wrong}\n\n`,
    testFile === undefined ? `as a test:\n\n${test}\n` : `as a test: ${testFile}\n`,
    `again: ${command}\n`,
  ]
  return {
    text: text.join(''),
    test,
    data: { ...done, once, found: { ...found, command, test } },
    hasFailed: true,
  }
}
