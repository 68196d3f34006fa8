import test from 'ava'
import { pino } from 'pino'
import type { Applied } from '../../engine/index.ts'
import { emptyTable } from '../../table/diff.ts'
import type { RouteKey } from '../../table/service-route.ts'
import { ApplyLog } from '../apply-log.ts'

const timings = { begun: 0, computed: 0, compiled: 0, applied: 0 }

/** A log, and the lines about routes that come of an apply. */
function following() {
  const lines: string[] = []
  const stream = { write: (line: string) => lines.push(line) }
  const log = new ApplyLog(pino({ base: null, timestamp: false }, stream))
  return (
    why: Applied['why'],
    routes: readonly string[],
    degraded: Readonly<Record<string, string>> = {},
  ) => {
    lines.splice(0)
    log.onApplied({
      family: 'IPv4',
      why,
      table: emptyTable('IPv4', { by: 'none' }),
      routes: routes.map((key) => ({ key: key as RouteKey })),
      setElements: 0,
      report: {
        operations: 1,
        bytes: 1,
        degraded: Object.entries(degraded).map(([route, reason]) => ({ route, reason })),
      },
      timings,
      triggerTimes: [],
      totalRoutes: 9,
    })
    return lines
      .map((line) => JSON.parse(line) as { msg: string; route?: string; reason?: string })
      .flatMap(({ msg, route, reason }) => (route === undefined ? [] : `${route} ${reason ?? ''}: ${msg}`))
  }
}

test('a route that is degraded is told once, again for another reason, and when it is well', (t) => {
  const apply = following()
  t.deepEqual(apply('start', [], { a: 'full' }), ['a full: route degraded'])
  t.deepEqual(apply('change', ['a'], { a: 'full' }), [])
  t.deepEqual(apply('change', ['b']), [], 'it has not been checked')
  t.deepEqual(apply('change', ['a'], { a: 'too many' }), ['a too many: route degraded'])
  t.deepEqual(apply('repair', []), ['a : route recovered'])
  t.deepEqual(apply('repair', []), [])
})

test('a degraded route that is deleted is told no more, and is new when it comes back', (t) => {
  const apply = following()
  apply('start', [], { a: 'full' })
  t.deepEqual(apply('change', ['a']), [], 'deleted: it has no route after the change')
  t.deepEqual(apply('change', ['a'], { a: 'full' }), ['a full: route degraded'])
})

test('stale flows are counted in the summary, and a pass that fails is a warning', (t) => {
  const lines: string[] = []
  const log = new ApplyLog(
    pino({ base: null, timestamp: false }, { write: (line: string) => lines.push(line) }),
  )
  log.onFlowsForgotten({ family: 'IPv4', read: 10, deleted: 2, took: 5 })
  log.onFlowsForgotten({ family: 'IPv4', read: 10, deleted: 0, took: 9 })
  log.onFlowsForgotten({ family: 'IPv4', read: 10, deleted: 1, took: 3 })
  log.onFlowsFailed({
    family: 'IPv6',
    error: new Error('not permitted'),
    took: 1,
    failures: 1,
    retryIn: 1000,
  })
  log.stop()
  const [failed, summary] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.is(failed?.event, 'flows-not-forgotten')
  t.regex(String(failed?.msg), /^not permitted; /)
  t.like(summary, { event: 'flows-forgotten', family: 'IPv4', passes: 2, deleted: 3, longestMs: 5 })
  t.is(lines.length, 2)
})

test('what the node does is a line each at debug only, and counted in the summary', (t) => {
  const told = (level: 'debug' | 'info') => {
    const lines: string[] = []
    const log = new ApplyLog(
      pino({ base: null, timestamp: false, level }, { write: (line: string) => lines.push(line) }),
    )
    log.onNodeChange('interface veth1 came')
    log.onNodeChange('interface veth1 went')
    log.stop()
    return lines.map((line) => JSON.parse(line) as object)
  }
  const summary = { level: 30, event: 'node-changed', nodeChanges: 2, msg: 'the node changed' }
  t.deepEqual(told('info'), [summary])
  t.is(told('debug').length, 3)
})
