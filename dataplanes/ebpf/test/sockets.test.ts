import { setTimeout as sleep } from 'node:timers/promises'
import type { Address, IpFamily, Protocol } from '@portolan/core'
import { createLab, type Lab, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { structs } from '../layout/structures.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

/** What a program sees of a Service when its sockets are led to an endpoint: nothing but the Service. */

const port = 8080
const vip = { IPv4: '10.96.0.1', IPv6: 'fd00:10:96::1' } as const

/** A connected socket that asks once, says whom it is connected to, and then stays or goes. */
const connectedTcp = `
const socket = require('net').connect(80, address)
socket.once('data', () => { console.log(socket.remoteAddress, socket.remotePort); stays || socket.destroy() })`

const connectedUdp = `
const socket = require('dgram').createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
socket.once('message', () => {
  const { address, port } = socket.remoteAddress()
  console.log(address, port)
  stays || socket.close()
})
socket.connect(80, address, () => socket.send('who'))`

/** A socket that isn't connected, to which every answer tells where it comes from. */
const unconnectedUdp = `
const socket = require('dgram').createSocket({ type: address.includes(':') ? 'udp6' : 'udp4' })
socket.once('message', (_, from) => { console.log(from.address, from.port); socket.close() })
socket.send('who', 80, address)`

interface Row {
  readonly claim: string
  readonly protocol: Protocol & ('TCP' | 'UDP')
  readonly family: IpFamily
  readonly address: string
  readonly script: string
}

const kinds = [
  ['a TCP connection', 'TCP', connectedTcp],
  ['a connected UDP socket', 'UDP', connectedUdp],
  ['an unconnected UDP socket', 'UDP', unconnectedUdp],
] as const

const rows: readonly Row[] = kinds.flatMap(([claim, protocol, script]) => [
  { claim: `${claim} by IPv4`, protocol, family: 'IPv4', address: vip.IPv4, script },
  { claim: `${claim} by IPv6`, protocol, family: 'IPv6', address: vip.IPv6, script },
  {
    claim: `${claim} by IPv4 through an IPv6 socket`,
    protocol,
    family: 'IPv4',
    address: `::ffff:${vip.IPv4}`,
    script,
  },
])

for (const { claim, protocol, family, address, script } of rows) {
  test(`${claim} shows the Service's address to its owner`, async (t) => {
    await using lab = await createLab()
    await using _ = await served(lab, protocol, family)
    const words: string[] = []
    for (const host of [lab.node, lab.pods[0]!]) {
      const { stdout } = await host.exec(process.execPath, ['-e', program(script, address, false)])
      words.push(String(stdout).trim())
    }
    t.deepEqual(words, [`${address} 80`, `${address} 80`])
    const chosen = openMap(lab.node.networkNamespace, 'peers')
    if (script !== unconnectedUdp)
      t.is([...chosen.entries()].length, 0, 'nothing is remembered of a socket that is closed')
  })
}

test('what is remembered of a socket is kept while it is open, with the service that led it', async (t) => {
  await using lab = await createLab()
  await using _ = await served(lab, 'TCP', 'IPv4')
  const stop = new AbortController()
  const staying = lab.node.exec(process.execPath, ['-e', program(connectedTcp, vip.IPv4, true)], {
    reject: false,
    cancelSignal: stop.signal,
  })
  const peers = openMap(lab.node.networkNamespace, 'peers')
  const services = () => [...peers.entries()].map(({ value }) => value.readUInt32LE(structs.peer.at.service))
  await until(() => services().length > 0)
  const meanwhile = services()
  stop.abort()
  await staying
  t.is(meanwhile.length, 1)
  t.true(meanwhile[0]! > 0)
  await until(() => services().length === 0)
  t.deepEqual(services(), [], 'also when the process is killed')
})

/** Waits for it, for a minute at most. */
async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 60_000; !holds() && performance.now() < end; ) await sleep(50)
}

function program(script: string, address: string, stays: boolean): string {
  return `const address = '${address}', stays = ${stays}\n${script}`
}

async function served(lab: Lab, protocol: 'TCP' | 'UDP', family: IpFamily) {
  const remote = remotePodAddress(family, 0)
  await lab.remote.serve(protocol, remote, port)
  const one = route('a/b', [clusterIP(vip[family] as Address)], [endpoint(remote)], { protocol })
  return applied(lab.node, nodeTable(lab.node, family, [one]))
}
