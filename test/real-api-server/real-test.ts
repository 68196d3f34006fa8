import type { ExecutionContext, TestFn } from 'ava'
import { findProgram } from './provide.ts'
import { realTitle } from './real-title.ts'

export type RealTest = (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void

/**
 * Declares tests that need the real kube-apiserver. Where there is none they are skipped, and one more says why; where it
 * could not be compiled, that one fails.
 */
export function realApiServerTest(test: TestFn): RealTest {
  const found = findProgram('kube-apiserver')
  if ('program' in found) {
    return (title, implementation) => test(`${realTitle}${title}`, implementation)
  }
  if ('failed' in found) test(`${realTitle}is compiled`, (t) => t.fail(found.failed))
  else test.skip(`${realTitle}none, because ${found.unavailable}`, () => {})
  return (title, implementation) => test.skip(`${realTitle}${title}`, implementation)
}
