import test from 'ava'
import { exampleApplied } from '../../metrics/test/example-applied.ts'
import { DriftLog } from '../drift-log.ts'

function bench() {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') }
  return { time, log: new DriftLog(() => time.now) }
}

const drift = { family: 'IPv4', operations: 2, findings: ['rule gone'] } as const

test('a finding is shown at once, and when its family was repaired', (t) => {
  const { time, log } = bench()
  log.onDrift(drift)
  t.like(log.entries[0], { found: '2026-01-01T00:00:00.000Z', repaired: null, findings: ['rule gone'] })
  time.now += 1000
  log.onApplied(exampleApplied({ why: 'change' }))
  log.onApplied(exampleApplied({ why: 'repair', family: 'IPv6' }))
  t.is(log.entries[0]?.repaired, null)
  log.onApplied(exampleApplied({ why: 'repair' }))
  t.is(log.entries[0]?.repaired, '2026-01-01T00:00:01.000Z')
})

test('a disagreement is no drift that a repair could end', (t) => {
  const { log } = bench()
  log.onDisagreement(drift)
  log.onApplied(exampleApplied({ why: 'repair' }))
  t.like(log.entries[0], { disagreement: true, repaired: null })
})

test('the last fifty are kept, with a hundred findings each', (t) => {
  const { log } = bench()
  for (let index = 0; index < 60; index++)
    log.onDrift({ ...drift, operations: index, findings: Array.from({ length: 150 }, () => 'rule gone') })
  t.is(log.entries.length, 50)
  t.is(log.entries[0]?.operations, 59)
  t.is(log.entries[0]?.findings.length, 100)
  t.is(log.entries[0]?.furtherFindings, 50)
})
