/** A path says which trial it is, without any of it being tried. */
import type { Capabilities } from '@portolan/core'
import test from 'ava'
import fc from 'fast-check'
import { randomSequence } from '../../convergence/random-sequence.ts'
import { Random } from '../../random.ts'
import { realNode } from '../packet-lab.ts'
import { Candidates, type FuzzPath, parsePath, pathText } from '../path.ts'
import { randomQuestions } from '../question.ts'
import { shrinkTrial } from '../shrink-trial.ts'
import type { Trial } from '../trial.ts'

const capabilities: Capabilities = { families: ['IPv4', 'IPv6'], protocols: ['TCP', 'UDP'], gaps: {} }

const path = fc.record(
  {
    phase: fc.constantFrom('convergence', 'packets', 'conversations'),
    round: fc.nat({ max: 999_999_999 }),
    question: fc.nat({ max: 9999 }),
    accepted: fc.array(fc.nat({ max: 999_999 })),
  },
  { requiredKeys: ['phase', 'round', 'accepted'] },
) as fc.Arbitrary<FuzzPath>

test('a path is read as it was written', (t) => {
  fc.assert(fc.property(path, (one) => t.deepEqual(parsePath(pathText(one)), one)))
})

for (const text of [
  '',
  'packets',
  'packets/',
  'speed/1',
  'packets/1/',
  'packets/1:',
  'packets/1:x',
  'packets/-1',
])
  test(`"${text}" is no path`, (t) => t.is(parsePath(text), undefined))

function packetsOf(seed: number): Trial & { phase: 'packets' } {
  const random = new Random(seed)
  const sequence = randomSequence(random, { real: realNode })
  return { phase: 'packets', sequence, questions: randomQuestions(random, sequence, capabilities, 24) }
}

test('what was taken on the way to the shortest form leads there again, without trying', async (t) => {
  for (let seed = 1; seed <= 8; seed++) {
    const trial = packetsOf(seed)
    const asked = { ...trial, questions: trial.questions.slice(0, 1) }
    // Some history goes wrong as long as it has half of its Services.
    const most = trial.sequence.steps.filter((step) => step.do === 'set').length / 2
    const candidates = new Candidates()
    const shortest = await shrinkTrial(asked, capabilities, (candidate) =>
      candidates.take(
        () =>
          candidate.phase === 'packets' &&
          candidate.sequence.steps.filter((step) => step.do === 'set').length >= most,
      ),
    )
    const { accepted } = candidates
    const followed = new Candidates()
    const again = await shrinkTrial(asked, capabilities, () =>
      followed.take((number) => accepted.includes(number)),
    )
    t.deepEqual(again, shortest)
    t.deepEqual(followed.accepted, accepted)
  }
})

test('what is asked is what evaluate says, of all that may happen to a packet, also where nothing serves', (t) => {
  const due = new Map<string, number>()
  for (let seed = 1; seed <= 30; seed++) {
    const { questions } = packetsOf(seed)
    t.true(questions.length > 0)
    for (const { due: text } of questions) {
      const [kind = ''] = text.split(' by ')
      due.set(kind, (due.get(kind) ?? 0) + 1)
    }
    t.deepEqual(packetsOf(seed).questions, questions)
  }
  for (const kind of ['answered', 'refused', 'dropped', 'left alone']) t.true((due.get(kind) ?? 0) > 20, kind)
})

test('nothing is asked of which the dataplane has declared a gap', (t) => {
  const lacking = (gaps: Capabilities['gaps']) => ({ ...capabilities, gaps })
  const rows: readonly [Capabilities, RegExp][] = [
    [lacking({ nodePort: 'none' }), /"port":30\d\d\d/],
    [
      lacking({ dropUnallocated: 'none', sourceRanges: 'none', dropWithoutUsableEndpoint: 'none' }),
      /"dropped"/,
    ],
    [{ ...capabilities, protocols: ['TCP'] }, /"UDP"/],
  ]
  for (const [declared, never] of rows)
    for (let seed = 1; seed <= 15; seed++) {
      const random = new Random(seed)
      const sequence = randomSequence(random, { real: realNode })
      const questions = randomQuestions(random, sequence, declared, 24)
      t.deepEqual(
        questions.filter((question) => never.test(JSON.stringify(question))),
        [],
      )
    }
})
