import type { IpFamily } from '@portolan/core'
import { printMatrix, titleOf } from './matrix.ts'
import { patienceOf } from './patience.ts'
import type { Row, RowClaim } from './row.ts'
import { type ConformanceOptions, familiesOf, lackOf, runScenario } from './run.ts'
import { expand, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'

/** What the kit needs of a test: an ava test's context has it. */
export interface Assertions {
  pass(message?: string): unknown
  fail(message?: string): unknown
  log(...values: unknown[]): void
  /** Gives the test so many milliseconds, and the runner patience for as long. */
  timeout?(milliseconds: number): void
}

/** What the kit needs of a test runner: ava's `test` has it. */
export interface TestFunction {
  (title: string, implementation: (t: Assertions) => Promise<void>): void
  /** For rows that this kernel can't prove; without it they run, and log that. */
  readonly skip?: (title: string, implementation: (t: Assertions) => Promise<void>) => void
}

export interface SuiteOptions extends Omit<ConformanceOptions, 'onCase' | 'onScenario'> {
  readonly test: TestFunction
  /** Where the matrix goes when all rows are known. Default: nowhere. */
  readonly print?: (matrix: string) => void
}

/**
 * Declares one test for every row of the matrix. Scenarios run one after the other; a test fails when its row does, and
 * a declared gap is logged.
 */
export function conformance(options: SuiteOptions): void {
  const { test, factory, settings = {}, print } = options
  const { capabilities } = factory({ masqueradeBit: 14, settings })
  const { suiteMs } = patienceOf(options.slowness)
  const run = new Map<Scenario, Promise<readonly Row[]>>()
  let before: Promise<unknown> = Promise.resolve()
  for (const scenario of wantedScenarios(options.filter)) {
    const rows = before.then(() => runScenario(scenario, options))
    before = rows
    run.set(scenario, rows)
  }
  declareRows({
    test,
    rows: rowsToBe(familiesOf(capabilities, options), options.filter),
    lackOf: ({ protocol }) =>
      protocol !== 'any' && capabilities.protocols.includes(protocol) ? lackOf(protocol) : undefined,
    resultOf: async ({ scenario, ...row }) => (await run.get(scenario))?.find((one) => isSameRow(one, row)),
    timeoutMs: suiteMs,
    ...(print === undefined ? {} : { print }),
  })
}

/** A row that the kit will tell about. */
export type RowToBe = Pick<Row, 'feature' | 'name' | 'family' | 'protocol'> & { readonly scenario: Scenario }

export function wantedScenarios(filter: (claim: RowClaim) => boolean = () => true): readonly Scenario[] {
  return scenarios.filter(({ claims }) => claims.some((claim) => filter(claim)))
}

export function rowsToBe(
  families: readonly IpFamily[],
  filter: (claim: RowClaim) => boolean = () => true,
): readonly RowToBe[] {
  return scenarios.flatMap((scenario) =>
    scenario.claims
      .filter((claim) => filter(claim))
      .flatMap((claim) =>
        expand(claim, families).map(({ family, protocol }): RowToBe => {
          const { feature, name } = claim
          return { scenario, feature, name, family, protocol }
        }),
      ),
  )
}

export function isSameRow(one: Row, { name, family, protocol }: Omit<RowToBe, 'scenario'>): boolean {
  return one.name === name && one.family === family && one.protocol === protocol
}

export interface DeclaredRows {
  readonly test: TestFunction
  readonly rows: readonly RowToBe[]
  /** Gives the row when it is known. What it rejects with, the row's test fails with. */
  readonly resultOf: (row: RowToBe) => Promise<Row | undefined>
  /** Why a row can't be proved, where that is known before: then its test is skipped. */
  readonly lackOf?: (row: RowToBe) => string | undefined
  /** Follows each title. Default: nothing. */
  readonly where?: string
  /** The test runner's patience. Default: as it is. */
  readonly timeoutMs?: number
  readonly print?: (matrix: string) => void
}

/** Declares a test for each row. */
export function declareRows({
  test,
  rows,
  resultOf,
  lackOf = () => undefined,
  where = '',
  timeoutMs,
  print,
}: DeclaredRows): void {
  const known: Row[] = []
  let open = rows.length
  for (const row of rows) {
    const title = `${titleOf(row)}${where}`
    const lack = lackOf(row)
    if (lack !== undefined && test.skip !== undefined) {
      const { feature, name, family, protocol } = row
      known.push({ feature, name, family, protocol, outcome: 'unproved', detail: lack })
      open -= 1
      test.skip(`${title}: ${lack}`, async () => {})
      continue
    }
    test(title, async (t) => {
      if (timeoutMs !== undefined) t.timeout?.(timeoutMs)
      try {
        const result = await resultOf(row)
        if (result !== undefined) known.push(result)
        if (result?.outcome === 'gap') t.log(`gap: ${result.detail}`)
        if (result?.outcome === 'unproved') t.log(`not proved: ${result.detail}`)
        if (result === undefined) t.fail('the kit has not told about this row')
        else if (result.outcome === 'failed') t.fail(result.detail)
        else t.pass()
      } finally {
        open -= 1
        if (open === 0) print?.(printMatrix(known))
      }
    })
  }
}
