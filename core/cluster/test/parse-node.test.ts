import test from 'ava'
import { parseNode } from '../parse-node.ts'

interface Row {
  readonly claim: string
  readonly metadata?: object
  readonly spec?: object
  readonly leaving: 'deletion' | 'autoscaler' | undefined
  readonly problem?: string
}

const taint = (key: unknown) => ({ taints: [{ key: 'other' }, { key, effect: 'NoSchedule', value: '1' }] })

const rows: readonly Row[] = [
  { claim: 'a node in its ordinary life stays', spec: { taints: [] }, leaving: undefined },
  {
    claim: 'a node that is being deleted leaves',
    metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
    leaving: 'deletion',
  },
  { claim: 'a timestamp of null is none', metadata: { deletionTimestamp: null }, leaving: undefined },
  {
    claim: 'the autoscaler marks the nodes that it removes by a taint',
    spec: taint('ToBeDeletedByClusterAutoscaler'),
    leaving: 'autoscaler',
  },
  {
    claim: 'deletion is the last word',
    metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: taint('ToBeDeletedByClusterAutoscaler'),
    leaving: 'deletion',
  },
  { claim: 'other taints mean nothing', spec: taint('node.kubernetes.io/unreachable'), leaving: undefined },
  { claim: 'a taint without a key means nothing', spec: taint(undefined), leaving: undefined },
  {
    claim: 'a timestamp that is no text is told',
    metadata: { deletionTimestamp: 5 },
    leaving: undefined,
    problem: 'metadata.deletionTimestamp',
  },
  {
    claim: 'taints that are no list are told',
    spec: { taints: 'all' },
    leaving: undefined,
    problem: 'spec.taints',
  },
]

test('a node that was made with the start-up taint has it', (t) => {
  const startupTaint = (key: string) =>
    parseNode({ metadata: { name: 'a' }, spec: taint(key) }).record?.startupTaint
  t.is(startupTaint('portolan.dev/not-in-sync'), true)
  t.is(startupTaint('portolan.dev/other'), undefined)
})

for (const { claim, metadata, spec, leaving, problem } of rows) {
  test(claim, (t) => {
    const { record, problems } = parseNode({ metadata: { name: 'node-a', ...metadata }, spec })
    t.is(record?.leaving, leaving)
    t.deepEqual(
      problems.map(({ field }) => field),
      problem === undefined ? [] : [problem],
    )
  })
}
