import test from 'ava'
import type { ClusterEvent } from '../cluster-event.ts'
import { eventObject } from '../event-object.ts'
import { objectProblem, rulesRepaired, serviceHealthCheckFailed, starting } from '../proxy-events.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 67)
const here = { nodeName: 'node-a', serial: 1 }
const problem = {
  kind: 'Service',
  object: 'shop/web',
  field: 'spec.clusterIPs[0]',
  value: '"x"',
  fix: 'must be an IP address',
  skipped: 'object',
} as const

test('an Event of a Node is in namespace default, and has what kubectl and the API server ask for', (t) => {
  t.deepEqual(eventObject(starting('node-a', '1.2', 'nftables'), here, at, 'node-a'), {
    namespace: 'default',
    name: 'node-a.02c878618dbd2cc0',
    body: {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'node-a.02c878618dbd2cc0', namespace: 'default' },
      eventTime: '2026-01-02T03:04:05.067000Z',
      reportingController: 'portolan',
      reportingInstance: 'portolan-node-a',
      type: 'Normal',
      reason: 'Starting',
      action: 'StartKubeProxy',
      note: 'Portolan 1.2 starts, with dataplane nftables',
      regarding: { apiVersion: 'v1', kind: 'Node', name: 'node-a', uid: 'node-a' },
    },
  })
})

test('what every node finds has the same name everywhere, and another for another problem', (t) => {
  const event = objectProblem(problem)!
  const there = eventObject(event, { nodeName: 'node-b', serial: 9 }, at + 5000, undefined)
  const { namespace, name } = eventObject(event, here, at, undefined)
  t.is(namespace, 'shop')
  t.is(there.name, name)
  const other = objectProblem({ ...problem, field: 'spec.clusterIPs[1]' })!
  t.not(eventObject(other, here, at, undefined).name, name)
})

test("a node's own events have names of their own, also of the same moment", (t) => {
  const event = serviceHealthCheckFailed('shop/web', 30000, 'in use')!
  const names = [here, { ...here, serial: 2 }, { ...here, nodeName: 'node-b' }].map(
    (reporter) => eventObject(event, reporter, at, undefined).name,
  )
  t.is(new Set(names).size, 3)
})

test('what is too long for the API server is cut where characters end', (t) => {
  const name = `${'a.'.repeat(126)}a`
  const event: ClusterEvent = { ...starting(name, '1', 'x'), note: 'ü€'.repeat(1000) }
  const { name: made, body } = eventObject(event, { nodeName: name, serial: 0 }, at, undefined)
  const { note, reportingInstance } = body as { note: string; reportingInstance: string }
  t.true(Buffer.byteLength(note) <= 1024 && note.endsWith('€…') && !note.includes('\ufffd'))
  t.true(Buffer.byteLength(reportingInstance) <= 128)
  t.true(made.length <= 253)
  t.regex(made, /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)
})

test('text of unknown origin is safe to show, and long findings are counted', (t) => {
  const findings = ['set \u001b[2Jvips', ...Array.from({ length: 7 }, (_, index) => `element ${index}`)]
  const { note } = rulesRepaired('node-a', 'nftables', 'IPv4', findings)
  t.regex(note, /set \ufffd\[2Jvips; element 0; element 1; element 2; element 3; and 3 more$/)
})

for (const object of ['', 'web', 'shop/', '../web', 'shop/web/status', 'shop/We…'])
  test(`a problem of '${object}', which can't be a Service's name, is no Event`, (t) => {
    t.is(objectProblem({ ...problem, object }), undefined)
  })

test('the Service of another namespace that has what this one wants is not named', (t) => {
  const taken = { ...problem, fix: 'is taken: bank/vault claimed it first; choose another one' }
  const told = (rival: string) => objectProblem({ ...taken, rival })?.note
  t.regex(told('bank/vault') ?? '', /is taken: a Service of another namespace claimed it first;/)
  const near = { ...taken, fix: 'is taken: shop/db claimed it first', rival: 'shop/db' }
  t.regex(objectProblem(near)?.note ?? '', /is taken: shop\/db claimed it first$/)
})

test("problems of other objects are the log's", (t) => {
  t.is(objectProblem({ ...problem, kind: 'EndpointSlice' }), undefined)
})
