import { externalLocal, frontend, internal, route, table, web } from '@portolan/conformance/example-tables'
import { fullDifference } from '@portolan/core'
import test from 'ava'
import { compile } from '../compile/compile.ts'
import { checkDrained, takeTurns, unwanted } from '../compile/draining.ts'
import { type Memory, settle } from '../compile/memory.ts'
import { reconcile } from '../compile/reconcile.ts'
import { stepText } from '../compile/step-text.ts'
import { nothingObserved } from '../layout/observed-state.ts'
import type { ObservedServer } from '../layout/virtual-server.ts'
import { type ServerPlace, serverKey } from '../layout/virtual-server.ts'
import { parsedSettings } from './parsed-settings.ts'

const settings = parsedSettings({}, 14)
const clusterIP = frontend('ClusterIP', '10.96.0.10', 80, internal)
const loadBalancer = frontend('LoadBalancer', '203.0.113.10', 80, externalLocal)
const shop = (endpoints: typeof web) => table([route('shop/web:http', endpoints, [clusterIP])])

/** What is remembered after a change. */
function after(before: ReturnType<typeof table>, then: ReturnType<typeof table>) {
  const { podSource } = before
  const setting = { family: 'IPv4', podSource, masqueradeBit: 14, routeMarkBit: 13 } as const
  const memory = settle(reconcile(nothingObserved('IPv4'), before, settings, setting).outcome)
  const { outcome } = compile(fullDifference(before, then), settings, memory)
  return { outcome, memory: settle(outcome) }
}

/** A kernel in which every destination has so many connections. */
const connections = (active: number, inactive: number) => async (places: readonly ServerPlace[]) => {
  const server: ObservedServer = {
    terms: { scheduler: 'rr', flags: 0x20, timeoutSeconds: 0 },
    destinations: web.map((endpoint) => ({ endpoint, weight: 0, active, inactive })),
  }
  return new Map(places.map((place) => [serverKey(place), server]))
}

async function check(
  memory: Memory,
  keys: ReturnType<typeof takeTurns>,
  read: Parameters<typeof checkDrained>[3],
) {
  const program = await checkDrained('IPv4', memory, keys, read)
  settle(program.outcome)
  return program.steps.map((step) => stepText('IPv4', step))
}

test('an endpoint that left stays while it has connections, be they closed, and goes with the last one', async (t) => {
  const { memory } = after(shop(web), shop(web.slice(1)))
  t.is(memory.draining.size, 1)
  t.deepEqual(await check(memory, takeTurns(memory), connections(1, 0)), [])
  t.deepEqual(await check(memory, takeTurns(memory), connections(0, 1)), [])
  t.deepEqual(await check(memory, takeTurns(memory), connections(0, 0)), [
    '-d -t 10.96.0.10:80 -r 10.1.0.2:8080',
  ])
  t.is(memory.draining.size, 0)
  t.is(memory.placements.size, 1)
})

test('a virtual server that is no longer wanted goes as soon as it has no established connection', async (t) => {
  const before = table([route('shop/web:http', web, [clusterIP, loadBalancer])])
  const { memory, outcome } = after(before, table([]))
  const keys = unwanted(outcome)
  t.is(keys.length, 3, 'two by address, one by mark')
  t.deepEqual(await check(memory, keys, connections(1, 0)), [])
  const steps = await check(memory, keys, connections(0, 1))
  t.is(steps.filter((step) => step.startsWith('-D')).length, 3)
  t.deepEqual([memory.placements.size, memory.marked.size, memory.draining.size], [0, 0, 0])
})

test('a virtual server that another tool has deleted counts as drained', async (t) => {
  const { memory } = after(shop(web), shop(web.slice(1)))
  await check(memory, takeTurns(memory), async () => new Map())
  t.is(memory.draining.size, 0)
})

test('nothing is unwanted where only some endpoints have left', (t) => {
  t.deepEqual(unwanted(after(shop(web), shop(web.slice(1))).outcome), [])
})

test('with more than one check looks at, all have their turn', (t) => {
  const many = (endpoints: typeof web) =>
    table(
      Array.from({ length: 150 }, (_, index) =>
        route(`shop/web-${index}`, endpoints, [frontend('ClusterIP', `10.96.1.${index}`, 80, internal)]),
      ),
    )
  const { memory } = after(many(web), many(web.slice(1)))
  const seen = new Set([1, 2, 3].flatMap(() => takeTurns(memory)))
  t.is(seen.size, 150)
})
