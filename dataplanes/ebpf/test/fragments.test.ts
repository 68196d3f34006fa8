import type { IpFamily } from '@portolan/core'
import { createLab, type Host, podAddress, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

const port = 8080

/** Sends back whatever comes. */
const echo = `
const [address, port] = process.argv.slice(1)
const socket = require('dgram').createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
socket.on('message', (message, from) => socket.send(message, from.port, from.address))
socket.bind(Number(port), address)`

/** Sends a datagram of random bytes until it comes back as it was; the server may still be starting. */
const ask = `
const [address, port, size] = process.argv.slice(1)
const socket = require('dgram').createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 })
const sent = require('crypto').randomBytes(Number(size))
socket.on('message', (message) => {
  console.log(message.equals(sent) ? 'the same' : 'another')
  process.exit()
})
setInterval(() => socket.send(sent, Number(port), address), 250)
setTimeout(() => process.exit(1), 120_000)`

const endpoints: readonly (readonly [string, (family: IpFamily) => string, boolean])[] = [
  ['a masqueraded endpoint of another node', (family) => remotePodAddress(family, 0), true],
  ['an endpoint here that sees its client', (family) => podAddress(family, 0), false],
]

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const [where, addressOf, masquerade] of endpoints) {
    test(`datagrams in pieces get through a NodePort to ${where} and back, ${family}`, async (t) => {
      await using lab = await createLab()
      const address = addressOf(family)
      const udp = route('a/b', [nodePort(30_080, masquerade)], [endpoint(address)], { protocol: 'UDP' })
      await using _ = await applied(lab.node, nodeTable(lab.node, family, [udp]))
      const stop = new AbortController()
      const server = masquerade ? lab.remote : lab.pods[0]!
      const serving = run(server, echo, [address, port], stop.signal)
      const heard: string[] = []
      for (const size of [100, 4000, 60_000]) {
        const { stdout } = await run(lab.outside, ask, [lab.node.addresses[family][0]!, 30_080, size])
        heard.push(`${size} ${String(stdout).trim()}`)
      }
      stop.abort()
      await serving
      t.deepEqual(heard, ['100 the same', '4000 the same', '60000 the same'])
    })
  }
}

function run(host: Host, script: string, args: readonly (string | number)[], cancelSignal?: AbortSignal) {
  const options = { reject: false, ...(cancelSignal === undefined ? {} : { cancelSignal }) } as const
  return host.exec(process.execPath, ['-e', script, '--', ...args.map(String)], options)
}
