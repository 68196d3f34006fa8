import type { Row } from '@portolan/conformance'
import test from 'ava'
import { advise, symptom } from '../parts/causes.ts'

const row = (more: Partial<Row>): Row => ({
  feature: 'basics',
  name: 'a row',
  family: 'IPv4',
  protocol: 'TCP',
  outcome: 'failed',
  detail: 'pod to 10.96.0.1:80/TCP: refused (14 of 14 tries, after 0 good ones)',
  ...more,
})

test('rows that say the same with other addresses have one symptom', (t) => {
  const details = [
    'pod to 10.96.0.1:80/TCP: refused (14 of 14 tries)',
    'pod to 10.96.3.7:31000/TCP: refused (4 of 4 tries)',
    'pod to [fd00:10:96::12]:80/TCP: refused (1 of 14 tries)',
  ]
  t.is(new Set(details.map(symptom)).size, 1, details.map(symptom).join('\n'))
  t.not(symptom('pod to 10.96.0.1:80/TCP: refused'), symptom('pod to 10.96.0.1:80/TCP: dropped'))
})

test('of a feature that fails it is said how to declare it, and what it would be to do it', (t) => {
  const rows = [
    row({ feature: 'affinity' }),
    row({ feature: 'affinity', name: 'another', outcome: 'passed', detail: '' }),
  ]
  const [first = ''] = advise(rows)
  t.regex(first, /^1 of 2 rows about "session affinity with a timeout" fail: do it, or declare it/)
  t.regex(first, /\{ affinity: 'what happens instead, for the operator' \}/)
})

test('of rows that need another feature as well it is said which', (t) => {
  const name =
    'with externalTrafficPolicy Local a local pod takes the short circuit to every endpoint, unmasqueraded'
  const [first = ''] = advise([row({ feature: 'sourceClasses', name })])
  t.regex(first, /some of them need clientAddress as well/)
})

test('the largest group of one cause comes first, with a pattern that finds one of its rows', (t) => {
  const rows = [
    row({ name: 'one (alone)', detail: 'something else' }),
    ...[1, 2, 3].map((number) => row({ name: `row ${number}: what's due?` })),
  ]
  const advice = advise(rows)
  t.regex(advice[0] ?? '', /^3 rows say the same: "pod to ADDRESS:N\/TCP: refused/)
  const pattern = /--rows '(.*)' \(/.exec(advice[0] ?? '')?.[1] ?? ''
  t.true(new RegExp(pattern).test("row 1: what's due?"), pattern)
  t.notRegex(pattern, /'/)
})

test('a gap whose rows pass is to be taken back', (t) => {
  const detail = 'this row passes, but what it needs is declared as a gap; take the gap back: hairpin, "no"'
  t.deepEqual(advise([row({ feature: 'hairpin', refutes: 'hairpin', detail })]), [
    'take the gap hairpin back: 1 of its rows pass',
  ])
})

test('of a row that needs several features the gap to be taken back is the one that is declared', (t) => {
  const rows = [
    row({ feature: 'basics', refutes: 'nodePort' }),
    row({ feature: 'sharedPorts', refutes: 'nodePort' }),
    row({ feature: 'sharedPorts', refutes: 'externalAddresses' }),
  ]
  t.deepEqual(advise(rows), [
    'take the gap nodePort back: 2 of its rows pass',
    'take the gap externalAddresses back: 1 of its rows pass',
  ])
})

test('where nothing failed there is nothing to do', (t) => {
  t.deepEqual(advise([row({ outcome: 'passed', detail: '' }), row({ outcome: 'gap' })]), [])
})
