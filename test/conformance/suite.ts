import type { IpFamily } from '@portolan/core'
import { printMatrix, titleOf } from './matrix.ts'
import type { Row, RowClaim } from './row.ts'
import { type ConformanceOptions, runScenario } from './run.ts'
import { expand } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** What the kit needs of a test: an ava test's context has it. */
export interface Assertions {
  pass(message?: string): unknown
  fail(message?: string): unknown
  log(...values: unknown[]): void
}

/** What the kit needs of a test runner: ava's `test` has it. */
export type TestFunction = (title: string, implementation: (t: Assertions) => Promise<void>) => void

export interface SuiteOptions extends Omit<ConformanceOptions, 'onCase'> {
  readonly test: TestFunction
  /** Where the matrix goes when all rows are known. Default: nowhere. */
  readonly print?: (matrix: string) => void
}

/**
 * Declares one test for every row of the matrix. Scenarios run one after the other, each when its first test is
 * reached; a test fails when its row does, and a declared gap is logged.
 */
export function conformance(options: SuiteOptions): void {
  const { test, factory, settings = {}, print } = options
  const { capabilities } = factory({ masqueradeBit: 14, settings })
  const families = capabilities.families.filter((family) => options.families?.includes(family) ?? true)
  const all: Row[] = []
  let before: Promise<unknown> = Promise.resolve()
  let open = 0
  for (const scenario of scenarios) {
    const claims = scenario.claims.filter((claim) => options.filter?.(claim) ?? true)
    if (claims.length === 0) continue
    const rows = before.then(() => runScenario(scenario, options))
    before = rows
    for (const claim of claims) {
      for (const { family, protocol } of expand(claim, families)) {
        open += 1
        test(titleOf(rowToBe(claim, family, protocol)), async (t) => {
          const row = (await rows).find(
            (one) => one.name === claim.name && one.family === family && one.protocol === protocol,
          )
          if (row !== undefined) all.push(row)
          if (row?.outcome === 'gap') t.log(`gap: ${row.detail}`)
          if (row === undefined) t.fail('the kit has not told about this row')
          else if (row.outcome === 'failed') t.fail(row.detail)
          else t.pass()
          open -= 1
          if (open === 0) print?.(printMatrix(all))
        })
      }
    }
  }
}

function rowToBe({ feature, name }: RowClaim, family: IpFamily, protocol: Row['protocol']): Row {
  return { feature, name, family, protocol, outcome: 'failed', detail: 'not run' }
}
