import test from 'ava'
import type { Address } from '../../network/address.ts'
import type { RouteKey } from '../../table/service-route.ts'
import { EndpointChoice } from '../endpoint-choice.ts'
import type { ForwardedPort } from '../forwarded-port.ts'

const endpoints = [1, 2, 3].map((host) => ({ address: `10.1.1.${host}` as Address, port: 80 }))

function port(change: Partial<ForwardedPort> = {}): ForwardedPort {
  return { port: 30_080, route: 'shop/web/TCP' as RouteKey, name: 'shop/web', endpoints, ...change }
}

/** Draws the first, the second, the third endpoint, and so on. */
function inTurn(): () => number {
  let drawn = -1
  return () => {
    drawn += 1
    return (drawn % 3) / 3
  }
}

const second = 1000

test('without affinity each connection draws anew', (t) => {
  const choice = new EndpointChoice(inTurn())
  const chosen = [0, 1, 2, 3].map((now) => choice.choose(port(), now)?.address)
  t.deepEqual(chosen, ['10.1.1.1', '10.1.1.2', '10.1.1.3', '10.1.1.1'] as Address[])
})

test('with affinity all keep the endpoint until nobody has connected for the timeout', (t) => {
  const choice = new EndpointChoice(inTurn())
  const sticky = port({ affinitySeconds: 10 })
  const times = [0, 9, 18, 27.9, 38].map((seconds) => choice.choose(sticky, seconds * second)?.address)
  t.deepEqual(times, ['10.1.1.1', '10.1.1.1', '10.1.1.1', '10.1.1.1', '10.1.1.2'] as Address[])
})

test('an endpoint that is gone keeps nobody', (t) => {
  const choice = new EndpointChoice(inTurn())
  choice.choose(port({ affinitySeconds: 10 }), 0)
  const left = port({ affinitySeconds: 10, endpoints: endpoints.slice(1) })
  const [after, again] = [choice.choose(left, 1), choice.choose(left, 2)]
  t.not(after?.address, '10.1.1.1' as Address)
  t.is(again, after)
})

test('affinity that is switched off and on again begins anew', (t) => {
  const choice = new EndpointChoice(inTurn())
  choice.choose(port({ affinitySeconds: 10 }), 0)
  choice.choose(port(), 1)
  t.is(choice.choose(port({ affinitySeconds: 10 }), 2)?.address, '10.1.1.3' as Address)
})

test('there is none among no endpoints', (t) => {
  t.is(new EndpointChoice(inTurn()).choose(port({ endpoints: [] }), 0), undefined)
})
