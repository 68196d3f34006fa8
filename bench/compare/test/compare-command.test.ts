import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Command, InvalidArgumentError } from 'commander'
import type { BenchResults, Result } from '../../results.ts'
import { addCompareCommand, parseThreshold } from '../index.ts'
import { runCompare } from '../run-compare.ts'

const example = fileURLToPath(new URL('../../report/example-results.json', import.meta.url))
const before = JSON.parse(await readFile(example, 'utf8')) as BenchResults

interface Row {
  readonly says: string
  readonly change: (result: Result) => Result
  readonly exitCode: 0 | 1
  readonly shows: RegExp
}

const slower = (factor: number) => (result: Result) =>
  result.dataplane === 'iptables' && result.metric === 'eventToCommit'
    ? { ...result, runs: result.runs.map((value) => value * factor) }
    : result

const rows: readonly Row[] = [
  { says: 'the same file has no regression', change: (r) => r, exitCode: 0, shows: /0 worse and 0 better/ },
  {
    says: 'a slowed dataplane is a regression',
    change: slower(2),
    exitCode: 1,
    shows: /iptables, endpoint-replaced\n( {2}eventToCommit .* 2\.00 .* WORSE\n){3}/,
  },
  {
    says: 'a quicker dataplane is none',
    change: slower(0.5),
    exitCode: 0,
    shows: /eventToCommit .* 0\.50 .* better/,
  },
]

for (const { says, change, exitCode, shows } of rows) {
  test(`${says}: exit code ${exitCode}`, async (t) => {
    const after = await write({ ...before, results: before.results.map(change) })
    t.teardown(() => rm(after.folder, { recursive: true }))
    const out = collect()
    t.is(await runCompare(example, after.path, { threshold: 0.1, all: false, json: false }, out), exitCode)
    t.regex(out.text(), shows)
    t.deepEqual(
      out
        .text()
        .split('\n')
        .filter((line) => line.length > 100),
      [],
    )
  })
}

test('files of one run each are refused with the number of runs that they need: exit code 2', async (t) => {
  const once = {
    ...before,
    results: before.results.map((result) => ({ ...result, runs: result.runs.slice(0, 1) })),
  }
  const [a, b] = [await write(once), await write({ ...once, results: once.results.map(slower(5)) })]
  t.teardown(() => Promise.all([a, b].map(({ folder }) => rm(folder, { recursive: true }))))
  const out = collect()
  t.is(await runCompare(a.path, b.path, { threshold: 0.1, all: false, json: false }, out), 2)
  t.regex(
    out.text().replaceAll(/\s+/g, ' '),
    /figures without a verdict: it needs 3 runs of each side, and A has 1, B 1\. Measure both with --repeat 3 or more\./,
  )
})

test('as JSON, every figure is there', async (t) => {
  const out = collect()
  await runCompare(example, example, { threshold: 0.1, all: false, json: true }, out)
  const { rows: compared, warnings } = JSON.parse(out.text()) as { rows: unknown[]; warnings: unknown[] }
  t.is(compared.length, before.results.length)
  t.deepEqual(warnings, [])
})

test('a file that is not there is told with its path, and exit code 2', async (t) => {
  const none = join(tmpdir(), 'no-such-results.json')
  const flags = { threshold: 0.1, all: false, json: false }
  const error = await t.throwsAsync(runCompare(none, example, flags, collect()), {
    message: /no-such-results\.json/,
  })
  t.like(error, { exitCode: 2, fix: 'check the path and its permissions' })
})

test.serial('an option of bench with the same name does not take the one of compare', async (t) => {
  const bench = new Command('bench').option('--json <file>').exitOverride()
  addCompareCommand(bench)
  const written: string[] = []
  const write = process.stdout.write
  process.stdout.write = ((text: string) => written.push(text) > 0) as typeof process.stdout.write
  try {
    await bench.parseAsync(['compare', example, example, '--json', '--threshold', '20%'], { from: 'user' })
  } finally {
    process.stdout.write = write
  }
  t.is((JSON.parse(written.join('')) as { threshold: number }).threshold, 0.2)
  t.is(process.exitCode, 0)
})

test('a threshold is a share', (t) => {
  t.deepEqual(['10%', '0.1', '5 %', '0'].map(parseThreshold), [0.1, 0.1, 0.05, 0])
  for (const wrong of ['', 'ten', '-5%', '1e3'])
    t.throws(() => parseThreshold(wrong), { instanceOf: InvalidArgumentError })
  t.throws(() => parseThreshold('20'), { message: /2000 %/ })
})

async function write(results: BenchResults): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-compare-'))
  const path = join(folder, 'results.json')
  await writeFile(path, JSON.stringify(results))
  return { folder, path }
}

function collect() {
  const texts: string[] = []
  const keep = { write: (text: string) => texts.push(text), columns: 100 }
  return { stdout: keep, stderr: keep, text: () => texts.join('') }
}
