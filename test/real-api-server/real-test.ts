import type { ExecutionContext, TestFn } from 'ava'
import { findProgram } from './provide.ts'
import { realTitle } from './real-title.ts'

export interface RealTest {
  (title: string, implementation: (t: ExecutionContext) => Promise<void>): void
  /** Declares a test that can't run, and why. */
  skip(title: string, why: string): void
}

/**
 * Declares tests that need the real kube-apiserver. Where there is none they are skipped, and one more says why; where it
 * could not be compiled, that one fails.
 */
export function realApiServerTest(test: TestFn): RealTest {
  const found = findProgram('kube-apiserver')
  if ('failed' in found) test(`${realTitle}is compiled`, (t) => t.fail(found.failed))
  if ('unavailable' in found) test.skip(`${realTitle}none, because ${found.unavailable}`, () => {})
  // One after the other: each may have a server of its own, of 300 MB and 3 s of a processor.
  const declare = 'program' in found ? test.serial : test.skip
  const skip = (title: string, why: string) => test.skip(`${realTitle}${title} (${why})`, () => {})
  return Object.assign(
    (title: string, implementation: (t: ExecutionContext) => Promise<void>) =>
      declare(`${realTitle}${title}`, implementation),
    { skip },
  )
}
