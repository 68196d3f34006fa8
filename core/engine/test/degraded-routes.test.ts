import test from 'ava'
import type { RouteKey } from '../../table/service-route.ts'
import { DegradedRoutes } from '../degraded-routes.ts'

type Taken = Parameters<DegradedRoutes['take']>[0]

function applied(
  degraded: Readonly<Record<string, string>>,
  routes: Taken['routes'] = [],
  why: Taken['why'] = 'change',
): Taken {
  const list = Object.entries(degraded).map(([route, reason]) => ({ route: route as RouteKey, reason }))
  return { family: 'IPv4', why, routes, report: { operations: 1, bytes: 0, degraded: list } }
}

/** What a route is made of is nothing to it, only whether it is there. */
function change(key: string, isThere: boolean): Taken['routes'][number] {
  const route = { key: key as RouteKey } as NonNullable<Taken['routes'][number]['after']>
  return { key: key as RouteKey, before: route, ...(isThere ? { after: route } : {}) }
}

test('a route is told when it is degraded, for another reason, and when it has recovered', (t) => {
  const routes = new DegradedRoutes()
  const told = (taken: Taken) => {
    const { degraded, recovered } = routes.take(taken)
    return [degraded.map(({ route, reason }) => `${route} ${reason}`), recovered]
  }
  t.deepEqual(told(applied({ a: 'sctp', b: 'sctp' })), [['a sctp', 'b sctp'], []])
  t.deepEqual(told(applied({ a: 'sctp' }, [change('a', true)])), [[], []])
  t.deepEqual(told(applied({ a: 'ports' }, [change('a', true)])), [['a ports'], []])
  t.is(routes.count('IPv4'), 2)
  t.deepEqual(
    [...routes.of('IPv4')],
    [
      ['a', 'ports'],
      ['b', 'sctp'],
    ],
  )
  t.deepEqual(told(applied({}, [change('a', true), change('c', true)])), [[], ['a']])
  t.deepEqual(told(applied({}, [change('b', false)])), [[], []], 'one that is gone has not recovered')
  t.is(routes.count('IPv4'), 0)
})

test('an apply of all routes tells of those that it leaves out too', (t) => {
  const routes = new DegradedRoutes()
  routes.take(applied({ a: 'sctp', b: 'sctp' }))
  t.deepEqual(routes.take(applied({ b: 'sctp' }, [], 'retry')), { degraded: [], recovered: ['a'] })
})
