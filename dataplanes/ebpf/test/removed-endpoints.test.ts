import { setTimeout as sleep } from 'node:timers/promises'
import { type Address, type Cidr, fullDifference } from '@portolan/core'
import { createLab, type Host, network, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import type { MapName } from '../layout/maps.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, internal, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

const port = 8080
const vip = '10.96.0.1'
const nodePort = 30_080
const frontends = [clusterIP(vip), { kind: 'NodePort', port: nodePort, verdicts: internal } as const]
const [first, second] = [remotePodAddress('IPv4', 0), remotePodAddress('IPv4', 1)]

/** Sockets of pods are led to their endpoint where pods are told from others. */
const podSource = { podSource: { by: 'cidr', cidr: '10.1.0.0/16' as Cidr } } as const

/** A connected UDP socket that tells how it ends, or is told to; nothing is ever sent after the first datagram. */
const connected = `
const socket = require('dgram').createSocket('udp4')
socket.on('error', (error) => { console.log(error.code); process.exit() })
socket.on('message', () => console.log('answered'))
socket.connect(80, '${vip}', () => socket.send('who'))
process.on('SIGTERM', () => { console.log('still open'); process.exit() })`

async function eventually(condition: () => boolean): Promise<boolean> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(50)) if (condition()) return true
  return condition()
}

/** A client that has had its answer; `ended` is all that it has said. */
async function answered(
  host: Host,
  address: string,
  cancelSignal: AbortSignal,
): Promise<{ readonly ended: Promise<string> }> {
  const heard = Promise.withResolvers<void>()
  const running = host.exec(process.execPath, ['-e', connected.replace(vip, address)], {
    reject: false,
    cancelSignal,
    stdout: function* (line: unknown) {
      heard.resolve()
      yield line
    },
  })
  const ended = running.then(({ stdout }) => String(stdout))
  await Promise.race([heard.promise, ended])
  return { ended }
}

function count(node: Host, name: MapName): number {
  const map = openMap(node.networkNamespace, name)
  try {
    return [...map.entries()].length
  } finally {
    map.close()
  }
}

test('connected UDP sockets of the node and its pods are closed when their endpoint goes, others stay open', async (t) => {
  await using lab = await createLab()
  const { node, pods, remote } = lab
  await remote.serve('UDP', first, port)
  const udp = (name: string, address: string, endpoints: readonly string[]) =>
    route(
      name,
      [clusterIP(address)],
      endpoints.map((one) => endpoint(one)),
      { protocol: 'UDP' },
    )
  const staying = udp('a/staying', '10.96.0.2', [first])
  const before = nodeTable(node, 'IPv4', [udp('a/b', vip, [first]), staying], podSource)
  const { dataplane, change } = await applied(node, before)
  const enough = new AbortController()
  const clients = await Promise.all([node, pods[0]!].map((host) => answered(host, vip, enough.signal)))
  const other = await answered(node, '10.96.0.2', enough.signal)
  t.is(count(node, 'peers'), 3)
  const after = nodeTable(node, 'IPv4', [udp('a/b', vip, [second]), staying], podSource)
  await change(after)
  for (const client of clients) t.regex(await client.ended, /answered\s+ECONNABORTED/)
  enough.abort()
  t.regex(await other.ended, /answered\s+still open/)
  await dataplane.cleanup()
})

test('UDP flows to an endpoint that has gone are forgotten, and TCP connections go on', async (t) => {
  await using lab = await createLab()
  const { node, outside, remote } = lab
  await remote.serve('UDP', first, port)
  await remote.serve('TCP', first, port)
  const table = (udpEndpoint: string, tcpEndpoint: string) =>
    nodeTable(node, 'IPv4', [
      route('a/b', frontends, [endpoint(udpEndpoint)], { protocol: 'UDP' }),
      route('a/b', frontends, [endpoint(tcpEndpoint)]),
    ])
  const { dataplane } = await applied(node, table(first, first))
  const to = { address: network.IPv4.node.uplink as Address, port: nodePort }
  const connection = await outside.holdConnection({ to, timeoutMs: 30_000 })
  t.is((await outside.probe({ protocol: 'UDP', to, timeoutMs: 30_000 })).result, 'answered')
  t.is(count(node, 'flows'), 4)
  const change = fullDifference(table(first, first), table(second, second))
  await dataplane.apply(dataplane.compile(change))
  t.true(await eventually(() => count(node, 'flows') === 2))
  t.true((await connection.ask(30_000)).alive)
  await dataplane.cleanup()
})

test('session affinity to an endpoint that has gone is forgotten', async (t) => {
  await using lab = await createLab()
  const { node, outside, remote } = lab
  await remote.serve('TCP', first, port)
  const table = (one: string) =>
    nodeTable(node, 'IPv4', [route('a/b', frontends, [endpoint(one)], { affinitySeconds: 600 })])
  const { dataplane } = await applied(node, table(first))
  const to = { address: network.IPv4.node.uplink as Address, port: nodePort }
  t.is((await outside.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })).result, 'answered')
  t.is(count(node, 'affinities'), 1)
  const change = fullDifference(table(first), table(second))
  await dataplane.apply(dataplane.compile(change))
  t.true(await eventually(() => count(node, 'affinities') === 0))
  await dataplane.cleanup()
})
