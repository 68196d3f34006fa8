import { listClaims } from '@portolan/conformance'
import test from 'ava'
import { rungNames, rungOf } from '../parts/ladder.ts'

test('every step of the ladder has rows, and every row a step that is shown', (t) => {
  const used = new Set(listClaims().map(rungOf))
  t.deepEqual([...used].toSorted(), rungNames.toSorted())
})

const places: readonly (readonly [pattern: RegExp, rung: string])[] = [
  [/^a ClusterIP reaches every endpoint of the Service, and nothing else$/, 'endpoints'],
  [/^a port that no Service has is refused at an active ClusterIP$/, 'a ClusterIP'],
  [/^with externalTrafficPolicy Cluster a NodePort reaches/, 'NodePorts'],
  [/^internalTrafficPolicy Local has no effect on external destinations$/, 'policies and topology'],
  [/^a process that is killed while it applies/, 'kill -9'],
  [/^cleanup leaves alone/, 'clean-up'],
  [/^random conversations/, 'non-interference'],
]
for (const [pattern, rung] of places)
  test(`${pattern.source} is on the step: ${rung}`, (t) => {
    const claim = listClaims().find(({ name }) => pattern.test(name))
    t.is(claim && rungOf(claim), rung)
  })
