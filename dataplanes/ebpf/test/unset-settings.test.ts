import { createLab, network, remotePodAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

/** What the programs do when the node's settings are gone: another program has written zeros over them. */

for (const family of ['IPv4', 'IPv6'] as const)
  test(`without settings no packet leaves from port 0, and with them all do as before, ${family}`, async (t) => {
    await using lab = await createLab()
    const { node, outside, remote } = lab
    const address = remotePodAddress(family, 0)
    await remote.serveRecorded('UDP', address, 8080)
    const table = nodeTable(node, family, [
      route('a/b', [nodePort(30_080, true)], [endpoint(address)], { protocol: 'UDP' }),
    ])
    await using one = await applied(node, table)
    const ask = async (tag: string, awaits: boolean) => {
      const to = { address: network[family].node.uplink, port: 30_080 }
      const socket = await outside.openSocket({ protocol: 'UDP', port: 0, to })
      if (typeof socket === 'string') throw new Error(socket)
      const heard = await socket.say({ tag, bytes: 10, awaits, ...(awaits ? { timeoutMs: 5000 } : {}) })
      await socket.end('reset')
      return heard.map(({ what }) => what)
    }
    t.deepEqual(await ask('before', true), ['message'])
    const map = openMap(node.networkNamespace, 'node_settings')
    for (const { key } of [...map.entries()]) map.set(Buffer.from(key), Buffer.alloc(map.valueSize))
    map.close()
    await ask('without', false)
    await one.change(table)
    t.deepEqual(await ask('after', true), ['message'])
    const seen = await remote.takeOverheard()
    t.deepEqual(
      seen.map(({ tag }) => tag),
      ['before', 'after'],
    )
    t.true(seen.every(({ from }) => from.port > 0))
  })
