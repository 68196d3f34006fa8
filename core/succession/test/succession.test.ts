import test from 'ava'
import type { Capabilities } from '../../dataplane/contract.ts'
import type { EventFields } from '../../log/logger.ts'
import type { IpFamily } from '../../network/address.ts'
import type { ClosedForward } from '../../node/closed-forwards.ts'
import { emptyTable } from '../../table/diff.ts'
import type { RouteKey, ServiceRoute } from '../../table/service-route.ts'
import { VirtualClock } from '../../time/test/virtual-clock.ts'
import type { Predecessor } from '../predecessors.ts'
import { Succession } from '../succession.ts'

const minute = 60_000
const byConntrack: Capabilities = {
  families: ['IPv4', 'IPv6'],
  protocols: ['TCP', 'UDP', 'SCTP'],
  connections: 'conntrack',
  gaps: {},
}
const byItself: Capabilities = { families: ['IPv4', 'IPv6'], protocols: ['TCP', 'UDP'], gaps: {} }

interface Play {
  /** Of the old one. */
  readonly old: Capabilities
  readonly next: Capabilities
  /** What comparisons find, one after the other; then nothing. */
  readonly found?: readonly (readonly string[] | Error)[]
  /** Connections that looks find, one after the other; then none. Absent: it can't be drained. */
  readonly connections?: readonly (number | Error)[]
  /** Attempts to remove it that fail. */
  readonly failures?: number
  readonly drainTimeout?: number
  /** What looks at chains FORWARD find, one after the other; then nothing. */
  readonly closed?: readonly (readonly ClosedForward[])[]
  /** What looks can't see, one after the other, and find nobody then; an error: they fail. Then all is seen. */
  readonly unseen?: readonly (readonly string[] | Error)[]
  /** Of the new one's table. */
  readonly routes?: readonly ServiceRoute[]
}

function play({
  old,
  next,
  found = [],
  connections,
  failures = 0,
  drainTimeout = 60 * minute,
  closed = [],
  unseen = [],
  routes = [],
}: Play) {
  const clock = new VirtualClock()
  /** What was done, in its order. */
  const done: string[] = []
  const take = (level: string) => (fields: EventFields | object, message: string) => {
    done.push(`${level} ${(fields as EventFields).event}`)
    messages.push(message)
  }
  const messages: string[] = []
  const logger = { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') }
  const [findings, looks, forwards] = [[...found], [...(connections ?? [])], [...closed]]
  const blind = [...unseen]
  let left = failures
  const predecessor: Predecessor = {
    name: 'old',
    title: 'dataplane old',
    goBack: "end this process and run 'portolan run --dataplane old'",
    remains: ['table ip old'],
    closedForwards: async () => forwards.shift() ?? [],
    dataplane: {
      capabilities: old,
      ...(connections === undefined
        ? {}
        : {
            async drain() {
              done.push('drain')
              const one = looks.shift() ?? 0
              if (one instanceof Error) throw one
              return { connections: one }
            },
          }),
      async cleanup() {
        done.push('cleanup')
        if (left-- > 0) throw new Error('it is in use')
        return { removed: ['table ip old'] }
      },
    },
  }
  const table = {
    ...emptyTable('IPv4', { by: 'none' }),
    routes: new Map(routes.map((route) => [route.key, route])),
  }
  const applied = Promise.withResolvers<void>()
  const proxy = {
    dataplane: { name: 'next', capabilities: next },
    families: ['IPv4', 'IPv6'] as const,
    firstApplied: applied.promise,
    table: (family: IpFamily) => (family === 'IPv4' ? table : undefined),
    async verify() {
      done.push('verify')
      const one = findings.shift() ?? []
      if (one instanceof Error) throw one
      return one
    },
  }
  const succession = new Succession({
    async find() {
      const one = blind.shift()
      if (one instanceof Error) throw one
      return one === undefined
        ? { predecessors: [predecessor], unseen: [] }
        : { predecessors: [], unseen: one }
    },
    successor: 'next',
    drainTimeout,
    logger,
    clock,
  })
  succession.follow(proxy)
  const apply = async (): Promise<void> => {
    applied.resolve()
    await clock.pass(0)
  }
  return { clock, done, messages, succession, table, apply }
}

test('nothing of the old dataplane is touched before the new one is applied and was compared', async (t) => {
  const { clock, done, apply } = play({ old: byConntrack, next: byConntrack, connections: [] })
  await clock.pass(10 * minute)
  t.deepEqual(done, [])
  await apply()
  await clock.pass(0)
  t.deepEqual(done, ['info predecessor-found', 'verify', 'cleanup', 'info predecessor-removed'])
})

test('while comparisons find a difference or fail the old one stays, and that is told', async (t) => {
  const found = [...Array.from({ length: 4 }, () => ['chain x']), new Error('the kernel is busy')]
  const { clock, done, messages, apply } = play({ old: byConntrack, next: byConntrack, found })
  await apply()
  await clock.pass(4500)
  t.deepEqual(done.slice(1), [...Array.from({ length: 5 }, () => 'verify'), 'error predecessor-kept'])
  t.regex(
    messages.at(-1) ?? '',
    /can't take over from dataplane old: the kernel is busy\..*portolan run --dataplane old/,
  )
  await clock.pass(1000)
  t.deepEqual(done.slice(-3), ['verify', 'cleanup', 'info predecessor-removed'])
})

test('one that remembers connections elsewhere is drained until two looks find none', async (t) => {
  const { clock, done, succession, apply } = play({
    old: byItself,
    next: byConntrack,
    connections: [7, 2, 0],
  })
  await apply()
  await clock.pass(0)
  t.deepEqual(succession.problems, [{ problem: 'predecessor-drains', dataplane: 'old', connections: 7 }])
  await clock.pass(minute)
  const looks = ['drain', 'info predecessor-drains', 'drain', 'drain', 'drain']
  t.deepEqual(done.slice(2), [...looks, 'cleanup', 'info predecessor-removed'])
  t.deepEqual(succession.problems, [])
})

test('connections are waited for no longer than drainTimeout', async (t) => {
  const connections = Array.from({ length: 1000 }, () => 3)
  const { clock, done, apply } = play({
    old: byItself,
    next: byConntrack,
    connections,
    drainTimeout: 2 * minute,
  })
  await apply()
  await clock.pass(2 * minute - 1)
  t.false(done.includes('cleanup'))
  await clock.pass(5000)
  t.deepEqual(done.slice(-2), ['cleanup', 'info predecessor-removed'])
  t.is(done.filter((one) => one === 'info predecessor-drains').length, 2)
})

test('one that cannot be drained goes at once, and that its connections end is told before', async (t) => {
  const { clock, done, messages, apply } = play({ old: byItself, next: byConntrack })
  await apply()
  await clock.pass(0)
  t.deepEqual(done.slice(2), ['warn predecessor-loses', 'cleanup', 'info predecessor-removed'])
  t.true(messages.some((message) => message.includes('established connections that old translates end')))
})

test('what can not be removed is tried again each minute', async (t) => {
  const { clock, done, succession, apply } = play({ old: byConntrack, next: byConntrack, failures: 2 })
  await apply()
  await clock.pass(0)
  t.deepEqual(succession.problems, [{ problem: 'predecessor-not-removed', dataplane: 'old' }])
  await clock.pass(2 * minute)
  const failure = ['cleanup', 'warn predecessor-not-removed']
  t.deepEqual(done.slice(2), [...failure, ...failure, 'cleanup', 'info predecessor-removed'])
})

test('what is drained is not drained again by a further attempt to remove it', async (t) => {
  const { clock, done, apply } = play({ old: byItself, next: byConntrack, connections: [0], failures: 1 })
  await apply()
  await clock.pass(5000)
  t.deepEqual(done.slice(-2), ['cleanup', 'warn predecessor-not-removed'])
  await clock.pass(minute)
  t.deepEqual(done.slice(-2), ['cleanup', 'info predecessor-removed'])
  t.is(done.filter((one) => one === 'drain').length, 2)
})

test('one that always refuses to be drained is removed when the time for that is over', async (t) => {
  const refused = Array.from({ length: 1000 }, () => new Error('no such table'))
  const { clock, done, messages, apply } = play({
    old: byItself,
    next: byConntrack,
    connections: refused,
    drainTimeout: 3 * minute,
  })
  await apply()
  await clock.pass(2 * minute)
  t.false(done.includes('cleanup'))
  await clock.pass(2 * minute)
  t.deepEqual(done.slice(-2), ['cleanup', 'info predecessor-removed'])
  t.true(messages.some((message) => message.includes("dataplane old can't be drained: no such table")))
})

test('a look that fails gives connections no more time', async (t) => {
  const looks = [7, new Error('the kernel is busy'), ...Array.from({ length: 1000 }, () => 7)]
  const { clock, done, apply } = play({
    old: byItself,
    next: byConntrack,
    connections: looks,
    drainTimeout: 3 * minute,
  })
  await apply()
  await clock.pass(5000)
  t.is(done.at(-1), 'warn predecessor-not-removed')
  await clock.pass(3 * minute - 5001)
  t.false(done.includes('cleanup'))
  await clock.pass(5001)
  t.deepEqual(done.slice(-2), ['cleanup', 'info predecessor-removed'])
})

const closedForward = { chain: 'chain FORWARD of iptables-nft (IPv4)', program: 'iptables-nft' }

test('where it alone accepts forwarded packets the old one stays until somebody else does', async (t) => {
  const shut = [{ ...closedForward, othersAccept: false }]
  const { clock, done, messages, succession, apply } = play({
    old: byConntrack,
    next: byConntrack,
    connections: [],
    closed: [shut, shut],
  })
  await apply()
  await clock.pass(2 * minute - 1)
  t.deepEqual(done.slice(2), ['error predecessor-kept'])
  t.deepEqual(succession.problems, [{ problem: 'predecessor-not-removed', dataplane: 'old' }])
  t.regex(
    messages.at(-1) ?? '',
    /forwarded packets are dropped .*\(chain FORWARD of iptables-nft \(IPv4\)\).*iptables-nft -A FORWARD -s CIDR/,
  )
  await clock.pass(1)
  t.deepEqual(done.slice(3), ['cleanup', 'info predecessor-removed'])
})

test('where others accept forwarded packets, too, that some may be lost is told once', async (t) => {
  const { clock, done, apply } = play({
    old: byConntrack,
    next: byConntrack,
    failures: 1,
    connections: [],
    closed: [[{ ...closedForward, othersAccept: true }]],
  })
  await apply()
  await clock.pass(minute)
  const end = ['cleanup', 'warn predecessor-not-removed', 'cleanup', 'info predecessor-removed']
  t.deepEqual(done.slice(2), ['warn predecessor-loses', ...end])
})

test('what can not be told is looked for each minute, told once, and taken over from when it is seen', async (t) => {
  const blind = ['kube-proxy, by iptables-legacy (no tool)']
  const { clock, done, messages, succession, apply } = play({
    old: byConntrack,
    next: byConntrack,
    unseen: [blind, blind, blind],
  })
  let isSettled = false
  void succession.settled.then(() => {
    isSettled = true
  })
  await apply()
  await clock.pass(minute - 1)
  t.deepEqual(done, [], 'once is no news')
  t.true(isSettled)
  await clock.pass(minute + 1)
  t.deepEqual(done, ['warn predecessor-unseen'])
  t.regex(messages[0] ?? '', /kube-proxy, by iptables-legacy \(no tool\)/)
  await clock.pass(minute)
  t.deepEqual(done.slice(1, 3), ['info predecessor-found', 'verify'])
  t.is(done.at(-1), 'info predecessor-removed')
})

test('a look that fails is made again, and told when it fails again', async (t) => {
  const failure = new Error('no memory')
  const { clock, done, messages, apply } = play({
    old: byConntrack,
    next: byConntrack,
    unseen: [failure, failure],
  })
  await apply()
  await clock.pass(minute)
  t.deepEqual(done, ['warn predecessor-unseen'])
  t.regex(messages[0] ?? '', /no memory/)
  await clock.pass(minute)
  t.is(done.at(-1), 'info predecessor-removed')
})

function route(name: string, protocol: 'TCP' | 'SCTP'): ServiceRoute {
  const key = `${name}/${protocol}` as RouteKey
  return { key, name, protocol, family: 'IPv4', endpoints: { cluster: [], local: [] }, frontends: [] }
}

test('what the new one does not hold as asked is told before the old one goes, once for each reason', async (t) => {
  const routes = [...['a/1', 'a/2', 'a/3'].map((name) => route(name, 'TCP')), route('b/1', 'SCTP')]
  const { clock, done, messages, succession, table, apply } = play({
    old: byConntrack,
    next: byItself,
    connections: [],
    routes,
  })
  const reasons = ['no room', 'no room', undefined, 'SCTP']
  const degraded = routes.flatMap(({ key }, index) => {
    const reason = reasons[index]
    return reason === undefined ? [] : [{ route: key, reason }]
  })
  succession.onApplied({
    ...{ family: 'IPv4', why: 'start', table, routes: [], setElements: 0, totalRoutes: 4 },
    report: { operations: 1, bytes: 1, degraded },
    ...{ timings: { begun: 0, computed: 0, compiled: 0, applied: 0 }, triggerTimes: [] },
  })
  await apply()
  await clock.pass(0)
  t.deepEqual(done.slice(2, 5), ['warn predecessor-loses', 'warn predecessor-loses', 'drain'])
  const told = messages.filter((message) => message.includes('is replaced by'))
  t.deepEqual(told, [
    "old is replaced by next: next can't translate SCTP, so that these ports are served no more: b/1",
    "old is replaced by next: next doesn't hold these ports as asked (no room): a/1, a/2",
  ])
})

test('a process that is stopped takes no further step', async (t) => {
  const { clock, done, succession, apply } = play({
    old: byItself,
    next: byConntrack,
    connections: [7, 7, 7],
  })
  await apply()
  await clock.pass(0)
  await succession.stop()
  await clock.pass(10 * minute)
  t.is(done.filter((one) => one === 'drain').length, 1)
  t.false(done.includes('cleanup'))
})

test('a stop waits for nothing while the new dataplane is not applied', async (t) => {
  const { clock, succession } = play({ old: byItself, next: byConntrack })
  await succession.stop()
  t.is(clock.now(), 0)
})
