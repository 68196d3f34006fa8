import { protocolNumber } from '@portolan/core'
import test from 'ava'
import { isStaleAffinity, isStaleFlow, type Lookup } from '../kernel/stale-connections.ts'
import { structs } from '../layout/structures.ts'
import { flowTimeouts } from '../layout/timeouts.ts'

const now = 1_000_000n * 1_000_000_000n
const secondsAgo = (seconds: number) => now - BigInt(seconds) * 1_000_000_000n
const state = { udpStream: 2, tcpEstablished: 5 }

function flow(protocol: 'TCP' | 'UDP', idle: number, in_state: number, service = 1) {
  const key = Buffer.alloc(structs.flow_key.size)
  key.writeUInt32LE(protocolNumber[protocol], structs.flow_key.at.protocol)
  const value = Buffer.alloc(structs.flow.size)
  value.writeBigUInt64LE(secondsAgo(idle), structs.flow.at.last)
  value[structs.flow.at.state] = in_state
  value.writeUInt32LE(service, structs.flow.at.service)
  return { key, value, now }
}

function lookup(member: boolean, otherIdle?: number): Lookup {
  return {
    isMember: () => member,
    flow: () => (otherIdle === undefined ? undefined : flow('TCP', otherIdle, state.tcpEstablished).value),
    affinitySeconds: () => 60,
  }
}

const [day, stream] = [flowTimeouts[state.tcpEstablished]!, flowTimeouts[state.udpStream]!]

for (const [claim, protocol, idle, inState, member, otherIdle, stale] of [
  ['UDP to an endpoint that has gone', 'UDP', 0, state.udpStream, false, 0, true],
  ['UDP that is in use', 'UDP', 1, state.udpStream, true, undefined, false],
  ['UDP that has been idle for long', 'UDP', stream + 1, state.udpStream, true, undefined, true],
  [
    'TCP to an endpoint that has gone, for it ends by itself',
    'TCP',
    0,
    state.tcpEstablished,
    false,
    0,
    false,
  ],
  ['TCP without a packet for more than a day', 'TCP', day + 1, state.tcpEstablished, true, day + 1, true],
  ['TCP that is silent in one direction', 'TCP', day + 1, state.tcpEstablished, true, 5, false],
] as const) {
  test(`${stale ? 'is' : 'is not'} swept: ${claim}`, (t) => {
    t.is(isStaleFlow(flow(protocol, idle, inState), lookup(member, otherIdle)), stale)
  })
}

test('is not swept: UDP of which the port alone is translated, for it has no endpoint', (t) => {
  t.false(isStaleFlow(flow('UDP', 1, state.udpStream, 0), lookup(false)))
})

for (const [claim, idle, member, stale] of [
  ['a client whose endpoint has gone', 0, false, true],
  ['a client that came lately', 59, true, false],
  ['a client whose time is over', 61, true, true],
] as const) {
  test(`session affinity ${stale ? 'is' : 'is not'} swept: ${claim}`, (t) => {
    const value = Buffer.alloc(structs.affinity.size)
    value.writeBigUInt64LE(secondsAgo(idle), structs.affinity.at.last)
    const key = Buffer.alloc(structs.affinity_key.size)
    t.is(isStaleAffinity({ key, value, now }, lookup(member)), stale)
  })
}
