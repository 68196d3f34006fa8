import type { Capabilities, IpFamily } from '@portolan/core'
import type { KitRun } from './checked-dataplane.ts'
import { checkCapabilities, gapOf } from './declared-capabilities.ts'
import { gapMark } from './gap-mark.ts'
import { printMatrix, titleOf } from './matrix.ts'
import type { Row, RowClaim } from './row.ts'
import { type ConformanceOptions, familiesOf, lackOf, runScenario } from './run.ts'
import { expand, type Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { timeoutsOf } from './timeouts.ts'

/** What the kit needs of a test: an ava test's context has it. */
export interface Assertions {
  pass(message?: string): unknown
  fail(message?: string): unknown
  log(...values: unknown[]): void
  /** Gives the test so many milliseconds, and the runner a timeout as long. */
  timeout?(milliseconds: number): void
}

/** What the kit needs of a test runner: ava's `test` has it. */
export interface TestFunction {
  (title: string, implementation: (t: Assertions) => Promise<void>): void
  /** For rows that this kernel can't prove. */
  readonly skip: (title: string, implementation: (t: Assertions) => Promise<void>) => void
}

export interface SuiteOptions extends Omit<ConformanceOptions, 'onCase' | 'onScenario'> {
  readonly test: TestFunction
  /** Where the matrix goes when all rows are known. Default: nowhere. */
  readonly print?: (matrix: string) => void
}

/**
 * Declares one test for every row of the matrix. Scenarios run one after the other; a test fails when its row does. The
 * title of a row that the dataplane declares as a gap ends in `(declared gap)`: its test passes, and is no proof.
 *
 * @throws BrokenContract, RangeError when there would be nothing to prove
 */
export function conformance(options: SuiteOptions): void {
  const { test, factory, print } = options
  const { capabilities } = factory
  checkCapabilities(capabilities)
  const { suiteMs } = timeoutsOf(options.slowness)
  const run = new Map<Scenario, Promise<readonly Row[]>>()
  const state: KitRun = {}
  let before: Promise<unknown> = Promise.resolve()
  declareRows({
    test,
    rows: rowsToBe((scenario) => familiesOf(capabilities, options, scenario), options.filter),
    capabilities,
    lackOf: ({ protocol }) =>
      protocol !== 'any' && capabilities.protocols.includes(protocol) ? lackOf(protocol) : undefined,
    resultOf: async ({ scenario, ...row }) => (await run.get(scenario))?.find((one) => isSameRow(one, row)),
    timeoutMs: suiteMs,
    ...(print === undefined ? {} : { print }),
  })
  // Begun only where there are rows to prove: what was refused above would build its labs all the same.
  for (const scenario of wantedScenarios(options.filter)) {
    const rows = before.then(() => runScenario(scenario, options, state))
    before = rows
    run.set(scenario, rows)
  }
}

/** A row that the kit will tell about. */
export type RowToBe = Pick<Row, 'feature' | 'name' | 'family' | 'protocol'> &
  Pick<RowClaim, 'also' | 'oneOf'> & { readonly scenario: Scenario }

export function wantedScenarios(filter: (claim: RowClaim) => boolean = () => true): readonly Scenario[] {
  return scenarios.filter(({ claims }) => claims.some((claim) => filter(claim)))
}

export function rowsToBe(
  familiesIn: (scenario: Scenario) => readonly IpFamily[],
  filter: (claim: RowClaim) => boolean = () => true,
): readonly RowToBe[] {
  return scenarios.flatMap((scenario) =>
    scenario.claims
      .filter((claim) => filter(claim))
      .flatMap((claim) =>
        expand(claim, familiesIn(scenario)).map(({ family, protocol }): RowToBe => {
          const { feature, name, also, oneOf } = claim
          return {
            scenario,
            feature,
            name,
            family,
            protocol,
            ...(also === undefined ? {} : { also }),
            ...(oneOf === undefined ? {} : { oneOf }),
          }
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
  /** What the dataplane says of itself. */
  readonly capabilities: Capabilities
  /** Gives the row when it is known. What it rejects with, the row's test fails with. */
  readonly resultOf: (row: RowToBe) => Promise<Row | undefined>
  /** Why a row can't be proved, where that is known before: then its test is skipped. */
  readonly lackOf?: (row: RowToBe) => string | undefined
  /** Follows each title. Default: nothing. */
  readonly where?: string
  /** The test runner's timeout. Default: as it is. */
  readonly timeoutMs?: number
  readonly print?: (matrix: string) => void
}

/** Declares a test for each row. @throws RangeError when there is none: a kit that asks nothing proves nothing */
export function declareRows({
  test,
  rows,
  capabilities,
  resultOf,
  lackOf = () => undefined,
  where = '',
  timeoutMs,
  print,
}: DeclaredRows): void {
  if (rows.length === 0)
    throw new RangeError('conformance: the families and the filter leave no row to prove')
  const known: Row[] = []
  let open = rows.length
  for (const row of rows) {
    const isGap = gapOf(row, row.protocol, capabilities) !== undefined
    const title = `${titleOf(row)}${where}${isGap ? gapMark : ''}`
    const lack = lackOf(row)
    if (lack !== undefined) {
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
        if (result === undefined) t.fail('the kit has not told about this row')
        else if (result.outcome === 'failed') t.fail(result.detail)
        else if (result.outcome === 'unproved') t.fail(`not proved: ${result.detail}`)
        else t.pass()
      } finally {
        open -= 1
        if (open === 0) print?.(printMatrix(known))
      }
    })
  }
}
