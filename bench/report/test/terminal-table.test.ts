import { readFileSync } from 'node:fs'
import test from 'ava'
import type { BenchResults } from '../../results.ts'
import { renderReport } from '../index.ts'
import { printTable } from '../terminal-table.ts'
import { textTable, wrapText } from '../text-table.ts'

const example = JSON.parse(
  readFileSync(new URL('../example-results.json', import.meta.url), 'utf8'),
) as BenchResults

for (const width of [60, 80, 100, 160]) {
  test(`no line is longer than ${width} columns`, (t) => {
    const long = printTable(example, width)
      .split('\n')
      .filter((line) => line.length > width)
    t.deepEqual(long, [])
  })
}

test('each size has a row of every dataplane that was measured there', (t) => {
  const text = printTable(example, 200)
  for (const size of ['100', '1,000', '10,000']) {
    const block = text.split('\n\n').find((part) => part.startsWith(`${size} Services x 10 endpoints`)) ?? ''
    t.deepEqual(
      block
        .split('\n')
        .slice(2, 7)
        .map((line) => line.split(' ')[0]),
      ['nftables', 'ebpf', 'iptables', 'upstream-nftables', 'upstream-iptables'],
    )
  }
})

test('a figure stands beside its lower bound', (t) => {
  const text = printTable(example, 200)
  t.regex(text, /^nftables +220 µs +682 µs +42 µs /m)
  t.regex(text, /^Service added +292 µs \(67\.2 µs\)/m)
})

test('the core alone has a column for each size', (t) => {
  t.regex(
    printTable(example, 200),
    /^Without a dataplane, p50 +1,000 x 10 +10,000 x 10 +100,000 x 10\ncore listParse +[\d.]+ m?s/m,
  )
})

test('lost connections show, those of all runs together', (t) => {
  const lossy = example.results.map((r) =>
    r.metric === 'connectionsLost' ? { ...r, max: 3, runs: [3, 0, 1] } : r,
  )
  t.regex(printTable({ ...example, results: lossy }, 200), /^nftables .* 8 of 3,891$/m)
})

test('what could not run is named with its reason', (t) => {
  t.regex(printTable(example, 200), /^not measured: ipvs: this kernel has no IPVS/m)
})

test('what failed is named with where and why', (t) => {
  const failure = { dataplane: 'ipvs', services: 1000, endpointsPerService: 10, run: 1 }
  const failures = [{ ...failure, scenario: 'churn-20', reason: 'it crashed' }]
  const says = 'ipvs, 1,000 x 10, failed in churn-20 (run 2): it crashed'
  t.true(printTable({ ...example, failures }, 200).endsWith(`\n${says}\n`))
  t.true(renderReport({ ...example, failures }).includes(`<li>${says}</li>`))
})

test('a hostile name cannot move the cursor', (t) => {
  const named = {
    ...example,
    dataplanes: [{ name: 'x\u001b[2J\n', kind: 'dataplane', usable: false, reason: 'a\u0007b' }],
  } as const
  t.is(printTable({ ...named, results: [] }, 100), 'not measured: x?[2J?: a?b\n')
})

test('columns that do not fit are continued below with the first one repeated', (t) => {
  const column = (title: string) => ({ title, align: 'right' as const })
  const lines = textTable(
    [{ title: 'n', align: 'left' }, column('aaaa'), column('bbbb')],
    [['x', '1', '2']],
    9,
  )
  t.deepEqual(lines, ['n  aaaa', 'x     1', '', 'n  bbbb', 'x     2'])
})

test('words wrap within the width', (t) => {
  t.deepEqual(wrapText('one two three four', 9, '  '), ['one two', '  three', '  four'])
})
