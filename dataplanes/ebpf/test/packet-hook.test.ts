import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Address } from '@portolan/core'
import { createLab, type Lab, network, podAddress } from '@portolan/lab'
import { inNetworkNamespace, listInterfaces } from '@portolan/native'
import {
  attachToTcx,
  BpfObject,
  bpfFileSystem,
  hasTcx,
  linkedProgram,
  lockBpfFileSystem,
  readPrograms,
} from '@portolan/native/libbpf'
import test from 'ava'
import { clsact, type PacketHook, tcx } from '../kernel/packet-hook.ts'
import { nodeDirectory, unpinDeadNodes } from '../kernel/pins.ts'
import { allMaps } from '../layout/maps.ts'
import { allPrograms } from '../layout/programs.ts'
import { applied } from './applied-table.ts'
import { endpoint, internal, route, table } from './example-tables.ts'

test.after.always(unpinDeadNodes)

const sizes = Object.fromEntries(allMaps.filter((map) => map !== 'node_settings').map((map) => [map, 16]))
const probe = BpfObject.loadBlocking(readPrograms(), { maps: allMaps, programs: allPrograms, sizes })
const kernelHasTcx = hasTcx(probe.program('packets_in'))
probe.close()

const port = 8080
const nodePort = 30_080
const nodeAddresses = new Set(Object.values(network.IPv4.node) as Address[])
const uplink = network.IPv4.node.uplink as Address
const pod = endpoint(podAddress('IPv4', 0), true, port)
const served = table([route('a/b', [{ kind: 'NodePort', port: nodePort, verdicts: internal }], [pod])], {
  localAddresses: nodeAddresses,
  nodePortAddresses: new Set([uplink]),
})

/** The lab's interfaces at which our programs are, by this way. */
function attachedAt(lab: Lab, hook: PacketHook): string[] {
  return inNetworkNamespace(lab.node.networkNamespace, () =>
    listInterfaces()
      .filter(({ index }) => hook.attached(index, 'ingress') !== undefined)
      .map(({ name }) => name),
  )
}

async function eventually(condition: () => boolean, milliseconds = 60_000): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(50)) if (condition()) return true
  return condition()
}

const ask = (lab: Lab) =>
  lab.outside.probe({ protocol: 'TCP', to: { address: uplink, port: nodePort }, timeoutMs: 30_000 })

for (const name of kernelHasTcx ? (['tcx', 'clsact'] as const) : (['clsact'] as const)) {
  const hookIn = (lab: Lab) => (name === 'tcx' ? tcx : clsact)(nodeDirectory(lab.node.networkNamespace))

  test(`by ${name}, an interface that comes later gets the programs, and one that goes needs none`, async (t) => {
    await using lab = await createLab()
    const { dataplane } = await applied(lab.node, served, { 'packet-hook': name })
    await lab.node.exec('ip', ['link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'late1'])
    t.true(await eventually(() => attachedAt(lab, hookIn(lab)).includes('late0')))
    const { index } = listInterfaces(lab.node.networkNamespace).find((one) => one.name === 'late0')!
    await lab.node.exec('ip', ['link', 'del', 'late0'])
    t.true(
      await eventually(
        () => !inNetworkNamespace(lab.node.networkNamespace, () => hookIn(lab).others([])).includes(index),
      ),
    )
    await dataplane.cleanup()
  })

  test(`by ${name}, interfaces that come and go all the while neither stop an apply nor leave anything`, async (t) => {
    await using lab = await createLab()
    const batch = Array.from({ length: 40 }, (_, number) => [
      `link add storm${number} type veth peer name mrots${number}`,
      `link del storm${number}`,
    ]).flat()
    const storm = lab.node.exec('ip', ['-batch', '-'], { input: batch.join('\n') })
    let ended = false
    void storm.finally(() => {
      ended = true
    })
    while (!ended) {
      const { dataplane, report } = await applied(lab.node, served, { 'packet-hook': name })
      t.deepEqual(report.degraded, [])
      await dataplane.stop()
      await sleep(1)
    }
    await storm
    const { dataplane } = await applied(lab.node, served, { 'packet-hook': name })
    await lab.pods[0]!.serve('TCP', '0.0.0.0', port)
    t.is((await ask(lab)).result, 'answered')
    await dataplane.cleanup()
    t.deepEqual(attachedAt(lab, hookIn(lab)), [])
  })

  test(`by ${name}, only chosen interfaces get the programs, the default route's by its own word`, async (t) => {
    await using lab = await createLab()
    const hook = hookIn(lab)
    const everywhere = await applied(lab.node, served, { 'packet-hook': name })
    t.true(attachedAt(lab, hook).length > 2)
    await everywhere.dataplane.stop()
    const { stdout } = await lab.node.exec('ip', ['-o', 'route', 'show', 'default'])
    const uplinkName = /dev (\S+)/.exec(String(stdout))![1]!
    const { dataplane } = await applied(lab.node, served, {
      'packet-hook': name,
      interfaces: 'default-route',
    })
    t.deepEqual(attachedAt(lab, hook), [uplinkName])
    await dataplane.stop()
    const last = await applied(lab.node, served, { 'packet-hook': name, interfaces: 'cbr0' })
    t.deepEqual(attachedAt(lab, hook).sort(), ['cbr0', 'podveth0', 'podveth1'], 'a bridge with its ports')
    await last.dataplane.cleanup()
  })
}

test('by clsact, an interface whose qdisc is ingress keeps it, and is served in that direction', async (t) => {
  await using lab = await createLab()
  const { networkNamespace } = lab.node
  await lab.pods[0]!.serve('TCP', '0.0.0.0', port)
  const qdiscs = async () => String((await lab.node.exec('tc', ['qdisc', 'show', 'dev', 'eth0'])).stdout)
  await lab.node.exec('tc', ['qdisc', 'add', 'dev', 'eth0', 'ingress'])
  const before = await qdiscs()
  const { dataplane } = await applied(lab.node, served, { 'packet-hook': 'clsact' })
  t.is((await ask(lab)).result, 'answered')
  t.deepEqual((await dataplane.observe('IPv4')).detached, [])
  const eth0 = listInterfaces(networkNamespace).find(({ name }) => name === 'eth0')!
  t.deepEqual(
    (['ingress', 'egress'] as const).map((direction) =>
      inNetworkNamespace(
        networkNamespace,
        () => clsact(nodeDirectory(networkNamespace)).attached(eth0.index, direction) !== undefined,
      ),
    ),
    [true, false],
  )
  await dataplane.cleanup()
  t.is(await qdiscs(), before)
})

if (kernelHasTcx) {
  test('what a node has by clsact is taken over by tcx, and the other way round, while a connection goes on', async (t) => {
    await using lab = await createLab()
    await lab.pods[0]!.serve('TCP', '0.0.0.0', port)
    const links = tcx(nodeDirectory(lab.node.networkNamespace))
    const filters = clsact(nodeDirectory(lab.node.networkNamespace))
    const first = await applied(lab.node, served, { 'packet-hook': 'clsact' })
    const connection = await lab.outside.holdConnection({
      to: { address: uplink, port: nodePort },
      timeoutMs: 30_000,
    })
    for (const [name, there, gone] of [
      ['auto', links, filters],
      ['clsact', filters, links],
    ] as const) {
      await first.dataplane.stop()
      const { dataplane } = await applied(lab.node, served, { 'packet-hook': name })
      t.true(attachedAt(lab, there).includes('eth0'), name)
      t.deepEqual(attachedAt(lab, gone), [], name)
      t.true((await connection.ask(30_000)).alive, name)
      await dataplane.stop()
    }
    const last = await applied(lab.node, served)
    await last.dataplane.cleanup()
  })

  test('what clsact needed stays where tcx takes over, as its end drops packets, and goes with a clean-up', async (t) => {
    await using lab = await createLab()
    await lab.node.exec('tc', ['qdisc', 'add', 'dev', 'eth1', 'clsact'])
    const hooks = async () => {
      const shown = await Promise.all(
        ['eth0', 'eth1'].map((link) => lab.node.exec('tc', ['qdisc', 'show', 'dev', link])),
      )
      return shown.map(({ stdout }) => String(stdout).includes('clsact'))
    }
    for (const name of ['clsact', 'tcx', 'clsact', 'tcx']) {
      const { dataplane } = await applied(lab.node, served, { 'packet-hook': name })
      t.deepEqual(await hooks(), [true, true], name)
      await dataplane.stop()
    }
    const last = await applied(lab.node, served, { 'packet-hook': 'tcx' })
    await last.dataplane.cleanup()
    t.deepEqual(await hooks(), [false, true], "another's stays")
  })

  test("another's program at tcx keeps running through an apply and a cleanup", async (t) => {
    await using lab = await createLab()
    const { networkNamespace } = lab.node
    const pin = `${bpfFileSystem}/portolan-test-foreign-${process.pid}`
    const foreign = BpfObject.loadBlocking(readPrograms(), { maps: allMaps, programs: allPrograms, sizes })
    try {
      const lock = await lockBpfFileSystem(true)
      inNetworkNamespace(networkNamespace, () => {
        const eth0 = listInterfaces().find(({ name }) => name === 'eth0')!
        attachToTcx(foreign.program('packets_in'), eth0.index, 'ingress', pin)
      })
      lock.release()
      const { dataplane } = await applied(lab.node, served)
      t.truthy(linkedProgram(pin))
      await dataplane.cleanup()
      t.is(linkedProgram(pin), foreign.program('packets_in').id)
    } finally {
      rmSync(pin, { force: true })
      foreign.close()
    }
  })

  test('a tool that deletes the clsact qdisc does not stop tcx', async (t) => {
    await using lab = await createLab()
    await lab.pods[0]!.serve('TCP', '0.0.0.0', port)
    const { dataplane } = await applied(lab.node, served)
    await lab.node.exec('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
    await lab.node.exec('tc', ['qdisc', 'del', 'dev', 'eth0', 'clsact'])
    t.is((await ask(lab)).result, 'answered')
    await dataplane.cleanup()
  })
}

test("by clsact, another tool's qdisc stays, also when it is empty, and one that was made here goes", async (t) => {
  await using lab = await createLab()
  await lab.node.exec('tc', ['qdisc', 'add', 'dev', 'eth0', 'clsact'])
  const { dataplane } = await applied(lab.node, served, { 'packet-hook': 'clsact' })
  // As after an upgrade: another process removes what this one has made.
  await dataplane.stop()
  await dataplane.cleanup()
  const qdiscs = async (link: string) =>
    String((await lab.node.exec('tc', ['qdisc', 'show', 'dev', link])).stdout).includes('clsact')
  t.deepEqual([await qdiscs('eth0'), await qdiscs('eth1')], [true, false])
})
