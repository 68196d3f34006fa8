import { readFileSync } from 'node:fs'
import test from 'ava'
import fc from 'fast-check'
import type { BenchResults, Candidate, Result } from '../../results.ts'
import { renderReport } from '../index.ts'

const example = JSON.parse(
  readFileSync(new URL('../example-results.json', import.meta.url), 'utf8'),
) as BenchResults

test('a report has no script and loads nothing', (t) => {
  const page = renderReport(example)
  t.deepEqual(page.match(/<script|<link|<img|<iframe|@import|url\((?!#)|\ssrc=|\son\w+=/gi), null)
  const addresses = page.match(/(?:href|xmlns(?::\w+)?)="[^"]*"/g) ?? []
  t.deepEqual(
    addresses.filter((address) => !/="#|="http:\/\/www\.w3\.org\//.test(address)),
    [],
  )
})

test('every element is closed where it was opened, and no id is used twice', (t) => {
  const page = renderReport(example)
  t.deepEqual(nestingFaults(page), [])
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id)
  t.deepEqual(ids, [...new Set(ids)])
})

test('every plot names its candidates, its command and the machine', (t) => {
  const sections = renderReport(example).split('<section class="plot"').slice(1)
  t.true(sections.length >= 10, `${sections.length} plots`)
  for (const section of sections) {
    t.regex(
      section,
      /portolan bench --services 100,1000,10000 --endpoints 10 --repeat 3 --scenario [a-z0-9,-]+/,
    )
    t.regex(section, /Linux 6\.18\.5 · AMD EPYC 7B13, 2 cores · portolan 0\.1\.0 · 2026-11-21 06:40 UTC/)
  }
  const latency = sections.find((section) => section.includes('id="sync-latency"')) ?? ''
  for (const name of ['nftables', 'ebpf', 'iptables', 'upstream-nftables', 'upstream-iptables']) {
    t.is(latency.split(`>${name}</text>`).length - 1, 2, `${name} is labelled in both panels`)
  }
})

test('a dataplane that could not run is listed with its reason', (t) => {
  t.regex(renderReport(example), /ipvs<\/th>.*no: this kernel has no IPVS \(module ip_vs\): load it/)
})

test('every result is a row of the tables', (t) => {
  const rows =
    renderReport(example)
      .split('<section id="numbers">')[1]
      ?.match(/<th scope="row">/g) ?? []
  t.is(rows.length, example.results.length)
})

test('the order of results does not change the report', (t) => {
  const reversed = { ...example, results: example.results.toReversed() }
  t.true(renderReport(reversed) === renderReport(example))
})

const hostile = `"><script>alert('x')</script><!--{a|b}${String.fromCharCode(0, 27)}[2J&lt;`

test('hostile names stay text', (t) => {
  const page = renderReport({
    ...example,
    command: hostile,
    machine: {
      ...example.machine,
      kernel: hostile,
      cpu: hostile,
      date: hostile,
      versions: { [hostile]: hostile },
    },
    dataplanes: [
      ...example.dataplanes,
      { ...candidate(hostile), usable: false, reason: hostile, variant: hostile },
    ],
    results: [
      ...example.results,
      ...[100, 1000].map((services) => ({ ...latency(hostile, services), scenario: 'endpoint-replaced' })),
      { ...latency(hostile, 100), scenario: hostile },
    ],
  })
  t.deepEqual(page.match(/<script|<!--|[^\P{Cc}\n]/gu), null)
  t.deepEqual(nestingFaults(page), [])
})

test('two plots or none: a run of one number, or of nothing, has a report too', (t) => {
  const one = { ...example, results: [latency('nftables', 100)] }
  t.regex(renderReport(one), /id="sync-latency"/)
  t.notRegex(renderReport(one), /id="memory"/)
  const none = renderReport({ ...example, dataplanes: [], results: [] })
  t.notRegex(none, /class="plot"|NaN|undefined/)
})

test('no selection of results breaks the page', (t) => {
  const results = fc.subarray([...example.results], { minLength: 0, maxLength: 60 })
  fc.assert(
    fc.property(results, (subset) => {
      const page = renderReport({ ...example, results: subset })
      return nestingFaults(page).length === 0 && !/NaN|undefined|Infinity/.test(page)
    }),
    { numRuns: 25 },
  )
  t.pass()
})

test('values that have no place on a logarithmic axis are left out of plots only', (t) => {
  const zero = { ...latency('nftables', 100), p50: 0, p90: 0, p99: 0, max: 0 }
  const page = renderReport({ ...example, results: [zero, latency('nftables', 1000)] })
  t.notRegex(page, /NaN|Infinity/)
  t.regex(page, />0 ms</)
})

function candidate(name: string): Candidate {
  return { name, kind: 'dataplane', usable: true, reason: '' }
}

function latency(dataplane: string, services: number): Result {
  const figures = { p50: 0.2, p90: 0.3, p99: 0.5, max: 2, samples: 100, runs: [0.2] }
  const what = { scenario: 'endpoint-replaced', metric: 'eventToCommit', unit: 'ms' } as const
  return { dataplane, services, endpointsPerService: 10, ...what, ...figures }
}

/** Elements that are closed in the wrong place, never, or without having been opened. */
function nestingFaults(page: string): string[] {
  const voids = new Set(['meta', 'br'])
  const open: string[] = []
  const faults: string[] = []
  const body = page.replace('<!doctype html>', '').replaceAll(/<style\s*>[\s\S]*?<\/style>/g, '')
  for (const tag of body.match(/<[^>]*>/g) ?? []) {
    const parsed = /^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z:-]+="[^"<>]*")*)\s*(\/?)>$/i.exec(tag)
    if (parsed === null) faults.push(tag)
    else if (parsed[1] === '/') {
      if (open.pop() !== parsed[2]) faults.push(tag)
    } else if (parsed[4] !== '/' && !voids.has(parsed[2] ?? '')) open.push(parsed[2] ?? '')
  }
  return [...faults, ...open]
}
