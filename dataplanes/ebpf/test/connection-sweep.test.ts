import { setTimeout as sleep } from 'node:timers/promises'
import { protocolNumber } from '@portolan/core'
import { BpfObject, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { ConnectionSweep } from '../kernel/connection-sweep.ts'
import { allMaps } from '../layout/maps.ts'
import { structs } from '../layout/structures.ts'

/** Of more than a few batches: the sweep takes longer for them than endpoints stay. */
const clients = 20_000

test('a flow to an endpoint that has gone is forgotten though others go all the time', async (t) => {
  const sizes = Object.fromEntries(allMaps.map((name) => [name, 64]))
  const object = BpfObject.loadBlocking(readPrograms(), {
    maps: allMaps,
    programs: [],
    sizes: { ...sizes, node_settings: 2, affinities: 2 * clients },
  })
  const { affinity, affinity_key, flow, flow_key, member_key, service } = structs
  object.map('members').set(Buffer.alloc(member_key.size), Buffer.alloc(1))
  const forever = Buffer.alloc(service.size)
  forever.writeUInt32LE(0xffffffff, service.at.affinity_seconds)
  object.map('services').set(Buffer.alloc(4), forever)
  const keys = Buffer.alloc(clients * affinity_key.size)
  for (let client = 0; client < clients; client++)
    keys.writeUInt32LE(client, client * affinity_key.size + affinity_key.at.client)
  object.map('affinities').setMany(keys, Buffer.alloc(clients * affinity.size), clients)
  const key = Buffer.alloc(flow_key.size, 1)
  key.writeUInt32LE(protocolNumber.UDP, flow_key.at.protocol)
  object.map('flows').set(key, Buffer.alloc(flow.size))
  const sweep = new ConnectionSweep(object)
  const end = performance.now() + 60_000
  while (object.map('flows').get(key) !== undefined && performance.now() < end) {
    sweep.hurry()
    await sleep(50)
  }
  t.is(object.map('flows').get(key), undefined)
  sweep.stop()
  object.close()
})
