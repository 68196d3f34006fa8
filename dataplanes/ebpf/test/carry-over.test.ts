import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import type { Address } from '@portolan/core'
import { createLab, podAddress, remotePodAddress } from '@portolan/lab'
import { BpfObject, lockBpfFileSystem, makePinDirectory, readPrograms } from '@portolan/native/libbpf'
import test from 'ava'
import { nodeDirectory, unpinDeadNodes } from '../kernel/pins.ts'
import { frontendKeyOf } from '../layout/encode.ts'
import { allMaps } from '../layout/maps.ts'
import { structs } from '../layout/structures.ts'
import { applied, nodeTable } from './applied-table.ts'
import { endpoint, internal, route } from './example-tables.ts'
import labDataplane from './lab-dataplane.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

const port = 8080
const nodePort = 30_080
const frontend = { kind: 'NodePort', port: nodePort, verdicts: internal } as const
const small = { frontends: 16, services: 16, endpoints: 16, flows: 16, members: 16, ranges: 16 }
const larger = {
  'flows-size': '32768',
  'services-size': '2048',
  'endpoints-size': '32768',
  'frontends-size': '8192',
  'affinities-size': '8192',
}

for (const family of ['IPv4', 'IPv6'] as const) {
  test(`connections and session affinity outlive a change of the maps' sizes, ${family}`, async (t) => {
    await using lab = await createLab()
    const { node, outside, remote, pods } = lab
    const address = node.addresses[family][0] as Address
    await remote.serve('TCP', family === 'IPv4' ? '0.0.0.0' : '::', port)
    await pods[0]!.serve('TCP', family === 'IPv4' ? '0.0.0.0' : '::', port)
    const endpoints = [endpoint(remotePodAddress(family, 0)), endpoint(podAddress(family, 0), true)]
    const sticky = route('a/b', [frontend], endpoints, { family, affinitySeconds: 600 })
    const served = nodeTable(node, family, [sticky])
    const first = await applied(node, served)
    const to = { address, port: nodePort }
    const connection = await outside.holdConnection({ to, timeoutMs: 30_000 })
    await first.dataplane.stop()
    const second = await applied(node, served, larger)
    t.deepEqual(second.notices, [])
    t.true((await connection.ask(30_000)).alive)
    for (let turn = 0; turn < 8; turn++) {
      const answer = await outside.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })
      t.is(answer.result === 'answered' && answer.host, connection.server.host)
    }
    t.is(
      readdirSync(nodeDirectory(node.networkNamespace)).filter((name) => name.startsWith('maps-')).length,
      1,
    )
    await second.dataplane.cleanup()
  })
}

test('the other family is served all the while, before it is applied itself', async (t) => {
  await using lab = await createLab()
  const { node, outside, remote } = lab
  await remote.serve('TCP', '::', port)
  const ipv6 = route('a/b', [frontend], [endpoint(remotePodAddress('IPv6', 0))], { family: 'IPv6' })
  const first = await applied(node, nodeTable(node, 'IPv6', [ipv6]))
  await first.change(nodeTable(node, 'IPv4', []))
  await first.dataplane.stop()
  const second = await applied(node, nodeTable(node, 'IPv4', []), larger)
  const to = { address: node.addresses.IPv6[0]!, port: nodePort }
  t.is((await outside.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })).result, 'answered')
  await second.dataplane.cleanup()
})

test('maps that are in use keep what they have when a process ended before it removed the old ones', async (t) => {
  await using lab = await createLab()
  const { node } = lab
  const { networkNamespace } = node
  const directory = nodeDirectory(networkNamespace)
  const sticky = route('a/b', [frontend], [endpoint(remotePodAddress('IPv4', 0))], { affinitySeconds: 600 })
  const served = nodeTable(node, 'IPv4', [sticky])
  const first = await applied(node, served)
  await first.dataplane.stop()
  const [frontends, affinities] = (['frontends', 'affinities'] as const).map((name) =>
    openMap(networkNamespace, name),
  )
  const key = frontendKeyOf(sticky, frontend)
  const before = frontends!.get(key)
  const sizes = { frontends: 16, services: 16, endpoints: 16, flows: 16, members: 16, ranges: 16 }
  const old = BpfObject.loadBlocking(readPrograms(), { maps: allMaps, programs: [], sizes })
  old.map('frontends').set(key, Buffer.alloc(structs.frontend.size))
  const client = Buffer.alloc(structs.affinity_key.size, 1)
  old.map('affinities').set(client, Buffer.alloc(structs.affinity.size))
  old.pin(`${directory}/maps-old`)
  old.close()
  const dataplane = labDataplane.create({ masqueradeBit: 14, networkNamespace, settings: {} })
  await dataplane.start()
  t.deepEqual(frontends!.get(key), before)
  const program = dataplane.reconcile(await dataplane.observe('IPv4'), served)
  t.is(program.operations, 0)
  await dataplane.apply(program)
  // Connections that came up while the old ones were in use.
  t.not(affinities!.get(client), undefined)
  t.false(existsSync(`${directory}/maps-old`))
  for (const map of [frontends!, affinities!]) map.close()
  await dataplane.cleanup()
})

test('what is remembered and changes once maps of other sizes have been filled is taken over as it is last', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { node } = lab
  const { networkNamespace } = node
  const served = nodeTable(node, 'IPv4', [
    route('a/b', [frontend], [endpoint(remotePodAddress('IPv4', 0))], { affinitySeconds: 600 }),
  ])
  const first = await applied(node, served)
  await first.dataplane.stop()
  const old = openMap(networkNamespace, 'affinities')
  const client = Buffer.alloc(structs.affinity_key.size, 1)
  const young = Buffer.alloc(structs.affinity_key.size, 2)
  const seenAt = (last: bigint) => {
    const value = Buffer.alloc(structs.affinity.size)
    value.writeBigUInt64LE(last, structs.affinity.at.last)
    return value
  }
  old.set(client, seenAt(1n))
  const dataplane = labDataplane.create({ masqueradeBit: 14, networkNamespace, settings: larger })
  await dataplane.start()
  const program = dataplane.reconcile(await dataplane.observe('IPv4'), served)
  // Programs of the one before still use the old maps.
  old.set(client, seenAt(2n))
  old.set(young, seenAt(3n))
  await dataplane.apply(program)
  const affinities = openMap(networkNamespace, 'affinities')
  t.is(affinities.maxEntries, Number(larger['affinities-size']))
  t.deepEqual(affinities.get(client), seenAt(2n))
  t.deepEqual(affinities.get(young), seenAt(3n))
  for (const map of [old, affinities]) map.close()
  await dataplane.cleanup()
})

test('what is no map where an older version has its maps stops nothing, and goes with the old ones', async (t) => {
  await using lab = await createLab({ pods: 1 })
  const { node } = lab
  const directory = nodeDirectory(node.networkNamespace)
  const foreign = BpfObject.loadBlocking(readPrograms(), { maps: allMaps, programs: [], sizes: small })
  const old = `${directory}/maps-old`
  const lock = await lockBpfFileSystem(true)
  foreign.pin(old)
  foreign.close()
  // Maps under the names of others, a directory in the place of one, and one of a name that we don't know.
  for (const [from, to] of [
    ['affinities', 'somebody'],
    ['frontends', 'affinities'],
    ['endpoints', 'flows'],
    ['services', 'frontends'],
  ] as const) {
    rmSync(`${old}/${to}`, { force: true })
    renameSync(`${old}/${from}`, `${old}/${to}`)
  }
  rmSync(`${old}/peers`)
  makePinDirectory(`${old}/peers`)
  lock.release()
  await using one = await applied(node, nodeTable(node, 'IPv4', []))
  t.regex(one.notices.join(), /map flows .*another version.*map peers .*another version/)
  t.false(existsSync(old))
})

test('what another version has laid out otherwise is told as lost, and cleanup unpins it as well', async (t) => {
  await using lab = await createLab()
  const { node } = lab
  const directory = nodeDirectory(node.networkNamespace)
  const sizes = { frontends: 16, services: 16, endpoints: 16, flows: 16, members: 16, ranges: 16 }
  const old = BpfObject.loadBlocking(readPrograms(), { maps: ['peers'], programs: [], sizes })
  const lock = await lockBpfFileSystem(true)
  old.pin(`${directory}/maps-old`)
  lock.release()
  old.close()
  renameSync(`${directory}/maps-old/peers`, `${directory}/maps-old/flows`)
  const { dataplane, notices } = await applied(node, nodeTable(node, 'IPv4', []))
  t.regex(notices.join(), /map flows .*another version.*connections.*may break/)
  await dataplane.stop()
  const left = BpfObject.loadBlocking(readPrograms(), { maps: ['peers'], programs: [], sizes })
  left.pin(`${directory}/maps-older`)
  left.close()
  const { removed } = await dataplane.cleanup()
  t.true(removed.some((one) => one.includes('maps-older')))
  t.false(existsSync(directory))
})
