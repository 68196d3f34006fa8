import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { stringify } from 'yaml'

/** What `promtool check metrics` has to say of a page, a line each; empty: nothing. */
export async function checkMetrics(promtool: string, text: string): Promise<readonly string[]> {
  const { stdout, stderr } = await execa(promtool, ['check', 'metrics'], { input: text, reject: false })
  return `${stdout}\n${stderr}`.split('\n').filter((line) => line !== '')
}

/** What `promtool check rules` has to say of groups of rules; empty: nothing. */
export async function checkRules(promtool: string, groups: unknown): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-promtool-'))
  try {
    const path = join(folder, 'rules.yaml')
    await writeFile(path, stringify({ groups }))
    const { stdout, stderr, exitCode } = await execa(promtool, ['check', 'rules', path], { reject: false })
    return exitCode === 0 ? [] : `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A series with its values at successive minutes. */
export interface Series {
  /** `name{label="value"}` */
  readonly series: string
  readonly values: readonly number[]
}

export interface Expectation {
  readonly expression: string
  /** The samples that it comes to after the last minute. */
  readonly samples: readonly { readonly labels: string; readonly value: number }[]
}

/** Has expressions evaluated on series, by `promtool test rules`. Gives what is not as expected, a line each. */
export async function evaluateRules(
  promtool: string,
  series: readonly Series[],
  expected: readonly Expectation[],
): Promise<readonly string[]> {
  const minutes = Math.max(0, ...series.map(({ values }) => values.length - 1))
  const folder = await mkdtemp(join(tmpdir(), 'portolan-promtool-'))
  try {
    const path = join(folder, 'test.yaml')
    const test = {
      interval: '1m',
      input_series: series.map((one) => ({ series: one.series, values: one.values.join(' ') })),
      promql_expr_test: expected.map(({ expression, samples }) => ({
        expr: expression,
        eval_time: `${minutes}m`,
        exp_samples: samples,
      })),
    }
    await writeFile(path, stringify({ evaluation_interval: '1m', tests: [test] }))
    const { stdout, stderr, exitCode } = await execa(promtool, ['test', 'rules', path], { reject: false })
    return exitCode === 0 ? [] : `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
