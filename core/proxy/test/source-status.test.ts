import test from 'ava'
import type { NodeRecord } from '../../cluster/records.ts'
import type { ClusterSink } from '../../source/cluster-source.ts'
import { SourceStatus } from '../source-status.ts'

const node = (key: string, leaving?: NodeRecord['leaving']): NodeRecord => ({
  kind: 'Node',
  key,
  zone: '',
  addresses: [],
  podCidrs: [],
  ...(leaving === undefined ? {} : { leaving }),
})

function bench() {
  const passed: string[] = []
  const sink: ClusterSink = {
    set: ({ key }) => void passed.push(`set ${key}`),
    remove: (kind, key) => void passed.push(`remove ${kind} ${key}`),
    synced: (kind) => void passed.push(`synced ${kind}`),
    readable: (kind, readable) => void passed.push(`readable ${kind} ${readable}`),
    problem: ({ field }) => void passed.push(`problem ${field}`),
    unserved: ({ why }) => void passed.push(`unserved ${why}`),
  }
  return { passed, status: new SourceStatus('here', sink) }
}

test('it knows the Node of this name alone, and follows it', (t) => {
  const { status } = bench()
  status.set(node('there'), 0)
  t.is(status.ownNode, undefined)
  status.set(node('here', 'autoscaler'), 0)
  t.is(status.ownNode?.leaving, 'autoscaler')
  status.set(node('here'), 0)
  t.is(status.ownNode?.leaving, undefined)
  status.remove('Node', 'there', 0)
  status.remove('Service', 'here', 0)
  t.is(status.ownNode?.key, 'here')
  status.remove('Node', 'here', 0)
  t.is(status.ownNode, undefined)
})

test('a failure counts from its first time, until it works again', (t) => {
  const { status } = bench()
  status.failing('Service', 'API_STATUS')
  const since = status.failures.get('Service')?.since
  status.failing('Service', 'API_UNREACHABLE')
  t.deepEqual(status.failures.get('Service'), { code: 'API_UNREACHABLE', since: since ?? 0 })
  status.failing('Service', undefined)
  t.is(status.failures.size, 0)
})

test('everything is passed on', (t) => {
  const { passed, status } = bench()
  status.set(node('here'), 0)
  status.remove('Node', 'here', 0)
  status.synced('Node')
  status.readable('ServiceCIDR', false)
  status.problem({ kind: 'Node', object: 'here', field: 'spec', value: '', fix: '', skipped: 'value' })
  status.unserved({ kind: 'Service', object: 'a/b', why: 'headless' })
  t.deepEqual(passed, [
    'set here',
    'remove Node here',
    'synced Node',
    'readable ServiceCIDR false',
    'problem spec',
    'unserved headless',
  ])
  t.deepEqual([...status.unreadable], ['ServiceCIDR'])
  status.readable('ServiceCIDR', true)
  t.is(status.unreadable.size, 0)
})
