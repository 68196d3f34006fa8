import { fileURLToPath } from 'node:url'
import test from 'ava'
import { fuzz } from '../fuzz.ts'
import type { FuzzFault } from '../fuzz-round.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const described = ({ target, input, error }: FuzzFault) => `${target}: ${error}\n  input: ${input}`

// The same inputs each time, so that a failure is of the change at hand; 'npm run fuzz' goes on from there.
test('no parser is brought down by the first inputs of each of its targets', async (t) => {
  t.timeout(900_000)
  const { targets, faults } = await fuzz({
    root,
    seed: 1,
    seeds: 1,
    runs: 200,
    until: Number.POSITIVE_INFINITY,
    hangMs: 120_000,
    heapMiB: 512,
    onFault: (fault) => t.log(described(fault)),
  })
  t.deepEqual(faults, [])
  t.true(targets.length >= 30, targets.join(' '))
})

test('what throws, rejects, hangs or fills the memory is found, with a small input', async (t) => {
  t.timeout(900_000)
  const { targets, faults } = await fuzz({
    root,
    files: ['test/fuzz/test/fixtures/faulty.fuzz.ts'],
    seed: 1,
    seeds: 2,
    runs: 200,
    until: Number.POSITIVE_INFINITY,
    hangMs: 8000,
    heapMiB: 64,
    onFault: () => {},
  })
  const found = faults.map(({ target, input, error }) => [
    target.replace(/^.*:/, ''),
    input,
    error.split('\n')[0],
  ])
  t.deepEqual(Object.fromEntries(found.map(([target, input]) => [target, input])), {
    throws: '[[50]]',
    rejects: '["   "]',
    hangs: '[7]',
    takesBuffers: '[7]',
    takesHeap: '[7]',
  })
  t.regex(String(found.find(([target]) => target === 'throws')?.[2]), /TypeError: fifty|fifty/)
  t.is(targets.length, 6)
})
