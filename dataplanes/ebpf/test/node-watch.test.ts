import { setTimeout as sleep } from 'node:timers/promises'
import { createLab, type Lab, network, remotePodAddress } from '@portolan/lab'
import { inNetworkNamespace, listInterfaces } from '@portolan/native'
import test from 'ava'
import { clsact } from '../kernel/packet-hook.ts'
import { nodeDirectory, unpinDeadNodes } from '../kernel/pins.ts'
import { type Applied, applied, nodeTable } from './applied-table.ts'
import { endpoint, nodePort, route } from './example-tables.ts'
import { openMap } from './sabotage.ts'

test.after.always(unpinDeadNodes)

/*
 * What the node does in its ordinary life is followed, and is no interference: an audit that comes right behind it
 * finds nothing, and where there are no audits it is followed all the same.
 */

const remote = remotePodAddress('IPv4', 0)
const table = (lab: Lab) =>
  nodeTable(lab.node, 'IPv4', [route('a/b', [nodePort(30_080, true)], [endpoint(remote)])])

/** What an audit would report, however soon it comes. */
async function drift(lab: Lab, { dataplane }: Applied): Promise<readonly string[]> {
  if (await dataplane.isUnchanged('IPv4')) return []
  return dataplane.reconcile(await dataplane.observe('IPv4'), table(lab)).findings
}

const events: readonly (readonly [string, readonly string[]])[] = [
  ['a pod comes', ['link add pod9 type veth peer name pod9p']],
  ['its interface comes up', ['link set pod9 up', 'link set pod9p up']],
  ['it gets an address', ['address add 10.99.0.1/24 dev pod9', 'address add fd00:99::1/64 dev pod9 nodad']],
  ['its interface is renamed', ['link set pod9 down', 'link set pod9 name other9', 'link set other9 up']],
  ['it joins a bridge', ['link add br9 type bridge', 'link set other9 master br9']],
  ['it leaves it', ['link set other9 nomaster']],
  ['it goes', ['link del other9']],
  ['the node gets an address', ['address add 172.20.0.77/24 dev eth0']],
  ['the node loses its primary address', ['address del 172.20.0.2/24 dev eth0']],
  ['a default route changes', ['route replace default dev eth1']],
]

test('what the node does is no drift, however soon an audit comes', async (t) => {
  await using lab = await createLab()
  await using node = await applied(lab.node, table(lab), { interfaces: '*,default-route' })
  for (const [what, commands] of events) {
    for (const command of commands) {
      await lab.node.exec('ip', command.split(' '))
      t.deepEqual(await drift(lab, node), [], `${what}: ${command}`)
    }
  }
})

test('damage to programs and maps while the node changes is drift', async (t) => {
  await using lab = await createLab()
  await using node = await applied(lab.node, table(lab))
  const devices = openMap(lab.node.networkNamespace, 'devices')
  const [stolen] = [...devices.entries()].map(({ key }) => Buffer.from(key))
  devices.delete(stolen!)
  await lab.node.exec('ip', ['link', 'add', 'pod9', 'type', 'veth', 'peer', 'name', 'pod9p'])
  t.true((await drift(lab, node)).length > 0)
})

test('an interface gets its programs, and a new address is masqueraded to, without an audit', async (t) => {
  await using lab = await createLab()
  const hook = clsact(nodeDirectory(lab.node.networkNamespace))
  await using _ = await applied(lab.node, table(lab), { 'packet-hook': 'clsact' })
  await lab.node.exec('ip', ['link', 'add', 'pod9', 'type', 'veth', 'peer', 'name', 'pod9p'])
  const attached = () =>
    inNetworkNamespace(lab.node.networkNamespace, () => {
      const [one] = listInterfaces().filter(({ name }) => name === 'pod9')
      return (
        hook.attached(one!.index, 'ingress') !== undefined &&
        hook.attached(one!.index, 'egress') !== undefined
      )
    })
  t.true(await eventually(async () => attached()))

  await lab.remote.serve('TCP', remote, 8080)
  const another = network.IPv4.node.remote.replace(/1$/, '77')
  for (const change of ['del', 'add']) {
    const address = change === 'del' ? `${network.IPv4.node.remote}/24` : `${another}/24`
    await lab.node.exec('ip', ['address', change, address, 'dev', 'eth1'])
  }
  await lab.node.exec('ip', ['route', 'add', network.IPv4.remotePodCidr, 'via', network.IPv4.remote])
  await lab.remote.exec('ip', ['route', 'replace', 'default', 'via', another])
  const seen = async () => {
    const to = { address: network.IPv4.node.uplink, port: 30_080 }
    const answer = await lab.outside.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })
    return answer.result === 'answered' && answer.seen.address === another
  }
  t.true(await eventually(seen))
})

test('everything that comes and goes is told, once', async (t) => {
  await using lab = await createLab()
  const told: string[] = []
  const { networkNamespace } = lab.node
  const { default: labDataplane } = await import('./lab-dataplane.ts')
  const dataplane = labDataplane.create({
    masqueradeBit: 14,
    networkNamespace,
    settings: {},
    onNodeChange: (what) => told.push(what),
  })
  try {
    await dataplane.start()
    await dataplane.apply(dataplane.reconcile(await dataplane.observe('IPv4'), table(lab)))
    await lab.node.exec('ip', ['link', 'add', 'pod9', 'type', 'veth', 'peer', 'name', 'pod9p'])
    await dataplane.isUnchanged('IPv4')
    await lab.node.exec('ip', ['link', 'del', 'pod9'])
    await dataplane.isUnchanged('IPv4')
    t.deepEqual(
      told.filter((what) => what.includes('pod9 ')),
      ['interface pod9 came', 'interface pod9 went'],
    )
  } finally {
    await dataplane.cleanup()
  }
})

async function eventually(condition: () => Promise<boolean>, milliseconds = 60_000): Promise<boolean> {
  for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(20))
    if (await condition()) return true
  return condition()
}
