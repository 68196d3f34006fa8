import { setTimeout as sleep } from 'node:timers/promises'
import type { Host, Lab } from '@portolan/lab'
import { createLab, network, remotePodAddress } from '@portolan/lab'
import type { BpfMap } from '@portolan/native/libbpf'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { structs } from '../layout/structures.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

const port = 8080
const node = { address: network.IPv4.node.uplink, port: 30_080 }
const remote = remotePodAddress('IPv4', 0)
/** In nanoseconds. */
const minute = 60n * 10n ** 9n

function served(lab: Lab, protocol: 'TCP' | 'UDP', address: string, settings: Record<string, string> = {}) {
  const one = route('a/b', [nodePort(node.port, true)], [endpoint(address)], { protocol })
  return applied(lab.node, nodeTable(lab.node, 'IPv4', [one]), settings)
}

/** The flows of a lab's node: from clients, and the replies to them. */
function flowsOf(lab: Lab): Flows {
  return new Flows(openMap(lab.node.networkNamespace, 'flows'))
}

class Flows {
  readonly map: BpfMap
  constructor(map: BpfMap) {
    this.map = map
  }

  all(reply: boolean): { readonly key: Buffer; readonly value: Buffer }[] {
    return [...this.map.entries()]
      .map(({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
      .filter(({ value }) => value[structs.flow.at.reply] === (reply ? 1 : 0))
  }

  /** By the client's port. */
  states(): Map<number, number> {
    const at = { port: structs.flow_key.at.source_port, state: structs.flow.at.state }
    return new Map(this.all(false).map(({ key, value }) => [key.readUInt16BE(at.port), value[at.state]!]))
  }

  /** As if another processor had just written a time that is to come for this one. */
  postpone(): void {
    for (const { key, value } of [...this.all(false), ...this.all(true)]) {
      value.writeBigUInt64LE(value.readBigUInt64LE(structs.flow.at.last) + minute, structs.flow.at.last)
      this.map.set(key, value)
    }
  }

  /** As if nothing had been heard of any connection for more than a day; this machine may have started later. */
  age(): void {
    const before = 2n ** 64n - 90_000n * 10n ** 9n
    for (const { key, value } of [...this.all(false), ...this.all(true)]) {
      value.writeBigUInt64LE(before, structs.flow.at.last)
      this.map.set(key, value)
    }
  }
}

/** Runs a client of TCP: does so much, then says its port and stays. */
async function holding<Result>(
  host: Host,
  what: string,
  then: (port: number) => Promise<Result>,
): Promise<Result> {
  const script = `
const socket = require('net').connect({ port: ${node.port}, host: '${node.address}', allowHalfOpen: true })
let port
const tell = () => console.log(port)
socket.on('connect', () => { port = socket.localPort })
socket.on('error', () => {})
setInterval(() => {}, 1000)
${what}`
  const stop = new AbortController()
  let heard = (_: number) => {}
  const told = new Promise<number>((resolve) => {
    heard = resolve
  })
  const running = host.exec(process.execPath, ['-e', script], {
    reject: false,
    cancelSignal: stop.signal,
    stdout: function* (line: unknown) {
      heard(Number(line))
      yield line
    },
  })
  try {
    return await then(await told)
  } finally {
    stop.abort()
    await running
  }
}

/** Numbers of enum flow_state in native/bpf/timeouts.h. */
const state = {
  unanswered: 0,
  answered: 1,
  stream: 2,
  opening: 3,
  established: 5,
  clientClosed: 6,
  endpointClosed: 7,
  closed: 8,
  broken: 9,
}

/** A server that says hello, and ends the connection when it is told to. */
const server = `
require('net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.write('hello')
  socket.on('error', () => {})
  socket.on('data', (data) => String(data) === 'end' && socket.end())
}).listen(${port})`

const rows: readonly (readonly [string, string, number])[] = [
  ['is established when both ends have spoken', `socket.once('data', tell)`, state.established],
  [
    'is half closed when the client has ended it',
    `socket.once('data', () => socket.end(tell))`,
    state.clientClosed,
  ],
  [
    'is half closed when the endpoint has ended it',
    `socket.once('data', () => socket.write('end')); socket.on('end', tell)`,
    state.endpointClosed,
  ],
  [
    'is closed when both have ended it',
    `socket.once('data', () => socket.write('end')); socket.on('end', () => socket.end(tell))`,
    state.closed,
  ],
  ['is broken by a reset', `socket.once('data', () => { socket.resetAndDestroy(); tell() })`, state.broken],
]

for (const [claim, what, expected] of rows) {
  test(`a connection ${claim}`, async (t) => {
    await using lab = await createLab()
    await using _ = await served(lab, 'TCP', remote)
    const stop = new AbortController()
    const serving = lab.remote.exec(process.execPath, ['-e', server], {
      reject: false,
      cancelSignal: stop.signal,
    })
    try {
      await listening(lab)
      t.is(await holding(lab.outside, what, (port) => becomes(flowsOf(lab), port, expected)), expected)
    } finally {
      stop.abort()
      await serving
    }
  })
}

/** The state of a client's flow, a moment after it was this one, or after a minute in which it never was. */
async function becomes(flows: Flows, port: number, expected: number): Promise<number | undefined> {
  const state = () => flows.states().get(port)
  for (const end = performance.now() + 60_000; state() !== expected && performance.now() < end; )
    await sleep(20)
  await sleep(200)
  return state()
}

/** Until something answers at the endpoint's port: the server is a process that has to start. */
async function listening(lab: Lab): Promise<void> {
  const check = `require('net').connect(${port}, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    const { exitCode } = await lab.remote.exec(process.execPath, ['-e', check], { reject: false })
    if (exitCode === 0) return
    await sleep(100)
  }
  throw new Error('the server never listened')
}

test('a connection without an answer stays in its opening', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'TCP', remote)
  await lab.remote.exec('ip', ['link', 'set', 'eth0', 'down'])
  await lab.outside.probe({ protocol: 'TCP', to: node, timeoutMs: 300 })
  t.deepEqual([...flowsOf(lab).states().values()], [state.opening])
})

test('a UDP flow is unanswered, then answered, then a stream', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'UDP', remote)
  const from = { address: network.IPv4.outside, port: 5000 }
  const ask = (timeoutMs = 30_000) => lab.outside.probe({ protocol: 'UDP', to: node, from, timeoutMs })
  const stateOf = () => flowsOf(lab).states().get(from.port)
  await ask(500)
  t.is(stateOf(), state.unanswered)
  await lab.remote.serve('UDP', remote, port)
  t.is((await ask()).result, 'answered')
  t.is(stateOf(), state.answered)
  await sleep(4000)
  t.is((await ask()).result, 'answered')
  t.is(stateOf(), state.stream)
})

test('a flow that has been silent for too long begins anew', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'UDP', remote)
  await lab.remote.serve('UDP', remote, port)
  const from = { address: network.IPv4.outside, port: 5000 }
  const seen = async () => {
    const answer = await lab.outside.probe({ protocol: 'UDP', to: node, from, timeoutMs: 30_000 })
    return answer.result === 'answered' ? answer.seen.port : undefined
  }
  const first = await seen()
  t.is(await seen(), first, 'the same while it is remembered')
  flowsOf(lab).age()
  t.not(await seen(), first, 'the endpoint sees another port')
  t.is(flowsOf(lab).all(true).length, 1, 'nothing is left of the flow before')
})

test('a flow whose last packet is later than this one is remembered', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'UDP', remote)
  await lab.remote.serve('UDP', remote, port)
  const from = { address: network.IPv4.outside, port: 5000 }
  const seen = async () => {
    const answer = await lab.outside.probe({ protocol: 'UDP', to: node, from, timeoutMs: 30_000 })
    return answer.result === 'answered' ? answer.seen.port : undefined
  }
  const first = await seen()
  flowsOf(lab).postpone()
  t.is(await seen(), first)
})

test('a client whose last connection is later than this one keeps its endpoint', async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const endpoints = Array.from({ length: 16 }, (_, index) => endpoint(remotePodAddress('IPv4', index)))
  const sticky = route('a/b', [nodePort(node.port, true)], endpoints, { affinitySeconds: 100 })
  await using _ = await applied(lab.node, nodeTable(lab.node, 'IPv4', [sticky]))
  const affinities = openMap(lab.node.networkNamespace, 'affinities')
  const chosen = new Set<string>()
  for (let turn = 0; turn < 5; turn++) {
    const answer = await lab.outside.probe({ protocol: 'TCP', to: node, timeoutMs: 30_000 })
    chosen.add(answer.result === 'answered' ? answer.address : answer.result)
    for (const { key, value } of [...affinities.entries()]) {
      const later = Buffer.from(value)
      later.writeBigUInt64LE(
        later.readBigUInt64LE(structs.affinity.at.last) + minute,
        structs.affinity.at.last,
      )
      affinities.set(Buffer.from(key), later)
    }
  }
  t.is(chosen.size, 1)
})

test('answers of a connection that is over are not translated any more', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'TCP', remote)
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const connection = await lab.outside.holdConnection({ to: node, timeoutMs: 30_000 })
  t.true((await connection.ask(30_000)).alive)
  flowsOf(lab).age()
  t.false((await connection.ask(1000)).alive)
  await connection.close()
})

test('a client that uses its port anew gets an endpoint anew, once the connection before is over', async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  const other = remotePodAddress('IPv4', 1)
  await using dataplane = await served(lab, 'TCP', remote)
  const from = { address: network.IPv4.outside, port: 5000 }
  const ask = async () => {
    const answer = await lab.outside.probe({ protocol: 'TCP', to: node, from, timeoutMs: 30_000 })
    return answer.result === 'answered' ? answer.address : answer.result
  }
  t.is(await ask(), remote)
  const one = route('a/b', [nodePort(node.port, true)], [endpoint(other)])
  await dataplane.change(nodeTable(lab.node, 'IPv4', [one]))
  t.is(await ask(), other)
})

test('a masqueraded connection gets no port that a socket of the node talks to the endpoint from', async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  await using _ = await served(lab, 'TCP', network.IPv4.remote, { 'masquerade-ports': '62000-62001' })
  const own = await lab.node.holdConnection({
    to: { address: network.IPv4.remote, port },
    from: { address: network.IPv4.node.remote, port: 62_000 },
    timeoutMs: 30_000,
  })
  const ports = new Set<number>()
  for (let turn = 0; turn < 8; turn++) {
    const answer = await lab.outside.probe({ protocol: 'TCP', to: node, timeoutMs: 30_000 })
    if (answer.result === 'answered') ports.add(answer.seen.port)
  }
  t.deepEqual([...ports], [62_001])
  t.true((await own.ask(30_000)).alive)
  await own.close()
})

test("the ports of masqueraded connections are none that the kernel picks for the node's sockets", async (t) => {
  await using lab = await createLab()
  await lab.remote.serve('TCP', '0.0.0.0', port)
  await using _ = await served(lab, 'TCP', remote)
  const range = String((await lab.node.exec('cat', ['/proc/sys/net/ipv4/ip_local_port_range'])).stdout)
  const [first, last] = range.trim().split(/\s+/).map(Number)
  for (let turn = 0; turn < 20; turn++) {
    const answer = await lab.outside.probe({ protocol: 'TCP', to: node, timeoutMs: 30_000 })
    t.true(answer.result === 'answered' && (answer.seen.port < first! || answer.seen.port > last!))
  }
})
