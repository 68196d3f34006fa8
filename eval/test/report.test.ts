import test from 'ava'
import { badge } from '../report/badge.ts'
import { renderPage } from '../report/page.ts'
import { printScorecard } from '../report/terminal.ts'
import { type Card, type Check, hasPassed, type Part, type Scorecard } from '../scorecard.ts'

const check = (name: string, outcome: Check['outcome'], more: Partial<Check> = {}): Check => ({
  name,
  outcome,
  detail: '',
  ...more,
})
const part = (name: Part['name'], outcome: Part['outcome'], checks: readonly Check[] = []): Part => ({
  name,
  outcome,
  checks,
  advice: [],
  seconds: 3,
})
const good: Card = {
  dataplane: './good/index.ts',
  name: 'good',
  parts: [
    part('shape', 'passed', [check('it can be made', 'passed')]),
    part('convergence', 'passed', [check('what apply writes, observe reads back', 'passed')]),
    part('conformance', 'passed', [
      check('one', 'passed', { rung: 'a ClusterIP' }),
      check('two', 'gap', { rung: 'affinity', detail: 'none' }),
    ]),
    part('speed', 'passed', [
      check('a cold start, 100 Services', 'passed', { detail: '12 ms (lower bound 3 ms)' }),
    ]),
    part('operation', 'left out'),
  ],
}
const bad: Card = {
  dataplane: '<b>bad</b>',
  parts: [
    {
      ...part('shape', 'failed', [
        check('it can be loaded', 'failed', { detail: 'no <script>\u001b[2J here' }),
      ]),
      advice: ['do this'],
    },
    part('convergence', 'not reached'),
    part('conformance', 'not reached'),
    part('speed', 'not reached'),
    part('operation', 'not reached'),
  ],
}
const scorecard: Scorecard = {
  schemaVersion: 1,
  command: 'portolan eval ./good/index.ts',
  machine: {
    kernel: 'Linux 6.1',
    cpu: 'a processor',
    architecture: 'x64',
    cores: 2,
    memoryBytes: 2 ** 32,
    versions: { portolan: '0.1.0' },
    date: '2026-01-02T03:04:05.000Z',
  },
  cards: [good, bad],
}

test('a card passes when nothing that was asked has failed, and fails when something was not reached', (t) => {
  t.true(hasPassed(good))
  t.false(hasPassed(bad))
  t.false(hasPassed({ ...good, parts: [...good.parts.slice(0, 4), part('operation', 'not reached')] }))
})

test('the terminal shows dataplanes side by side, parts and steps that were asked, and what to do', (t) => {
  t.is(
    printScorecard(scorecard, 110),
    `                              good                      <b>bad</b>
shape                         ✔ 1                       ✘ 1 of 1 fail
convergence                   ✔ 1                       not reached
conformance                   ✔ 1, 1 gap                not reached
  a ClusterIP                 ✔ 1                       -
  affinity                    ✔ 0, 1 gap                -
speed                         ✔ 1                       not reached
  a cold start, 100 Services  12 ms (lower bound 3 ms)  -
operation                     -                         not reached

good: nothing that was asked has failed

<b>bad</b>: 1 failed
  shape: it can be loaded
      no <script>?[2J here
  do: do this
`,
  )
})

test('the page is one file without scripts, and what a dataplane says stays text', (t) => {
  const page = renderPage(scorecard)
  t.notRegex(page, /<script|<b>bad|src=|href="http/)
  t.regex(page, /&lt;b&gt;bad/)
  t.regex(page, /no &lt;script&gt;/)
  t.regex(page, /<li>do this<\/li>/)
})

test('the badge says how many passed, or failed', (t) => {
  t.regex(badge({ ...scorecard, cards: [good] }), /aria-label="portolan eval: 4 passed"/)
  t.regex(badge(scorecard), /aria-label="portolan eval: 1 failed"/)
})
