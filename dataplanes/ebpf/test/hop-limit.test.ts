import { createLab, type Host, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/** A datagram that may make one hop only, as traceroute's first one. */
const send = `
const [address, port] = process.argv.slice(1)
const socket = require('dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4')
socket.bind(0, () => {
  socket.setTTL(1)
  socket.send('who', Number(port), address, () => setTimeout(() => socket.close(), 300))
})`

for (const family of ['IPv4', 'IPv6'] as const) {
  test(`a client is told that a packet has made all of its hops, ${family}`, async (t) => {
    await using lab = await createLab()
    const udp = route('a/b', [nodePort(30_080, true)], [endpoint(remotePodAddress(family, 0))], {
      protocol: 'UDP',
    })
    await using _ = await applied(lab.node, nodeTable(lab.node, family, [udp]))
    const before = await timesExceeded(lab.outside)
    await lab.outside.exec(process.execPath, ['-e', send, '--', lab.node.addresses[family][0]!, '30080'])
    t.is(await timesExceeded(lab.outside), before + 1)
  })
}

/** How many ICMP errors of that kind, with a right checksum, a host has had. */
async function timesExceeded(host: Host): Promise<number> {
  const { stdout } = await host.exec('nstat', ['-asz', 'IcmpInTimeExcds', 'Icmp6InTimeExcds'])
  return [...String(stdout).matchAll(/^Icmp6?InTimeExcds\s+(\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}
