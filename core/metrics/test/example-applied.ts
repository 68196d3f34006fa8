import type { Applied, Failed } from '../../engine/observer.ts'
import { emptyTable } from '../../table/diff.ts'

/** For tests: an apply with defaults for whatever a case isn't about. Times in milliseconds. */
export function exampleApplied(overrides: Partial<Applied> = {}): Applied {
  return {
    family: 'IPv4',
    why: 'change',
    table: emptyTable('IPv4', { by: 'none' }),
    routes: [],
    setElements: 0,
    report: { operations: 3, bytes: 200, degraded: [] },
    timings: { received: 100, begun: 101, computed: 103, compiled: 104, applied: 111 },
    triggerTimes: [],
    totalRoutes: 7,
    ...overrides,
  }
}

export function exampleFailed(overrides: Partial<Failed> = {}): Failed {
  return {
    family: 'IPv4',
    why: 'change',
    error: new Error('refused'),
    took: 5,
    failures: 1,
    retryIn: 100,
    ...overrides,
  }
}
