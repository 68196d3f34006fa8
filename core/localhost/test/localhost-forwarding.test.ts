import { Worker } from 'node:worker_threads'
import test from 'ava'
import type { Applied } from '../../engine/observer.ts'
import type { Logger } from '../../log/logger.ts'
import type { Address } from '../../network/address.ts'
import type { RouteKey, ServiceRoute, Verdict } from '../../table/service-route.ts'
import { type Clock, systemClock } from '../../time/clock.ts'
import { LocalhostForwarding } from '../localhost-forwarding.ts'

const balance: Verdict = { do: 'balance', over: 'cluster', masquerade: true }

function applied(family: 'IPv4' | 'IPv6', port: number): Applied {
  const route: ServiceRoute = {
    key: `shop/web:${port}/TCP` as RouteKey,
    name: `shop/web:${port}`,
    protocol: 'TCP',
    family,
    endpoints: { cluster: [{ address: '10.1.1.2' as Address, port: 80, local: true }], local: [] },
    frontends: [{ kind: 'NodePort', port, verdicts: { pod: balance, node: balance, outside: balance } }],
  }
  return { family, routes: [{ key: route.key, after: route }] } as unknown as Applied
}

/** A thread that says in its log what it is asked. */
function echo(script = ''): () => Worker {
  return () =>
    new Worker(
      `const { parentPort } = require('node:worker_threads')
       parentPort.on('message', (request) => {
         if (request.do === 'close') return parentPort.close()
         for (const { port } of request.change.set)
           parentPort.postMessage({ tell: 'unavailable', family: request.family, at: { port, name: 'it' }, reason: '' })
         ${script}
       })`,
      { eval: true },
    )
}

class Log implements Logger {
  readonly lines: string[] = []

  debug(): void {}
  info({ event, port }: { event: string; port?: unknown }): void {
    this.lines.push(`${event} ${port}`)
  }
  warn({ event, port }: { event: string; port?: unknown }): void {
    this.lines.push(`${event} ${port}`)
  }
  error({ event }: { event: string }): void {
    this.lines.push(event)
  }

  async until(count: number): Promise<readonly string[]> {
    while (this.lines.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
    return this.lines
  }
}

test('a thread starts with the first NodePort of a family that it is for, and hears of each', async (t) => {
  const logger = new Log()
  let threads = 0
  const startThread = () => {
    threads++
    return echo()()
  }
  const forwarding = new LocalhostForwarding({ families: ['IPv6'], logger, startThread })
  forwarding.onApplied(applied('IPv4', 30_001))
  t.is(threads, 0)
  forwarding.onApplied(applied('IPv6', 30_002))
  forwarding.onApplied(applied('IPv6', 30_003))
  t.deepEqual(await logger.until(2), ['localhost-port-unavailable 30002', 'localhost-port-unavailable 30003'])
  t.is(threads, 1)
  await forwarding.stop()
})

test('a thread that fails is started again with all that there is, what came meanwhile included', async (t) => {
  const logger = new Log()
  const starts: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    after: (_, task) => {
      starts.push(task)
      return () => {}
    },
  }
  let threads = 0
  const startThread = () => {
    threads++
    return echo(threads === 1 ? "throw new Error('broken')" : '')()
  }
  const forwarding = new LocalhostForwarding({ families: ['IPv4'], logger, clock, startThread })
  forwarding.onApplied(applied('IPv4', 30_001))
  // What a thread tells and how it ends come by two ways, so either may be first.
  t.deepEqual([...(await logger.until(2))].sort(), [
    'localhost-forwarding-failed',
    'localhost-port-unavailable 30001',
  ])
  forwarding.onApplied(applied('IPv4', 30_002))
  t.is(threads, 1)
  starts.pop()?.()
  t.deepEqual((await logger.until(4)).slice(2), [
    'localhost-port-unavailable 30001',
    'localhost-port-unavailable 30002',
  ])
  await forwarding.stop()
})

test('20 ports are told that cannot be had, and others as soon as these can or have gone', async (t) => {
  const logger = new Log()
  const all = Array.from({ length: 100 }, (_, index) => 30_000 + index)
  // The last of them is marked by another notice, after which no more are on their way.
  const script = `const last = request.change.set.at(-1)?.port
    if (last === 30099)
      parentPort.postMessage({ tell: 'full', family: 'IPv4', at: { port: last, name: 'it' }, reason: '' })
    if (last === 31000)
    for (const port of [30050, 30001])
      parentPort.postMessage({ tell: 'available', family: 'IPv4', at: { port, name: 'it' }, reason: '' })`
  const forwarding = new LocalhostForwarding({ families: ['IPv4'], logger, startThread: echo(script) })
  for (const port of all) forwarding.onApplied(applied('IPv4', port))
  await logger.until(21)
  const [first] = applied('IPv4', 30_000).routes
  forwarding.follow('IPv4', [{ key: first!.key, before: first!.after! }])
  forwarding.onApplied(applied('IPv4', 31_000))
  const told = (port: number) => `localhost-port-unavailable ${port}`
  t.deepEqual(await logger.until(24), [
    ...all.slice(0, 20).map(told),
    'localhost-connections-full 30099',
    told(30_020),
    told(30_021),
    'localhost-port-available 30001',
  ])
  await forwarding.stop()
})

test('one that cannot be started is tried again, and a stop ends that', async (t) => {
  const logger = new Log()
  let threads = 0
  const startThread = () => {
    threads++
    throw new Error('no memory')
  }
  const forwarding = new LocalhostForwarding({ families: ['IPv4'], logger, startThread })
  forwarding.onApplied(applied('IPv4', 30_001))
  await logger.until(2)
  t.true(threads >= 2)
  await forwarding.stop()
  const before = threads
  forwarding.onApplied(applied('IPv4', 30_002))
  t.is(threads, before)
})
