import { closeSync, readSync, writeSync } from 'node:fs'
import type { Address, IpFamily } from '@portolan/core'
import { createLab, type Host, type Lab, remotePodAddress } from '@portolan/lab'
import { openTun } from '@portolan/native'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, nodePort, refused, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/** A node and another host on a link whose packets have no Ethernet header, as WireGuard's or of IP in IP. */

const port = 8080
const vip = { IPv4: '10.96.0.1', IPv6: 'fd00:10:96::1' } as const
const near = { IPv4: '10.88.0.1', IPv6: 'fd00:88::1' } as const
const far = { IPv4: '10.88.0.2', IPv6: 'fd00:88::2' } as const

for (const family of ['IPv4', 'IPv6'] as const) {
  const nodeAddress = { address: near[family], port: 30_080 }

  test(`a client behind a bare device reaches an endpoint behind an Ethernet device, ${family}`, async (t) => {
    await using lab = await createLab()
    using _link = await addBareLink(lab.node, lab.outside)
    const remote = remotePodAddress(family, 0)
    await using _ = await served(lab, family, remote)
    await lab.remote.serve('TCP', family === 'IPv4' ? '0.0.0.0' : '::', port)
    const answer = await lab.outside.probe({ protocol: 'TCP', to: nodeAddress, timeoutMs: 30_000 })
    t.is(answer.result === 'answered' ? answer.address : answer.result, remote)
  })

  test(`a pod reaches an endpoint behind a bare device, ${family}`, async (t) => {
    await using lab = await createLab()
    using _link = await addBareLink(lab.node, lab.outside)
    await using _ = await served(lab, family, far[family])
    await lab.outside.serve('TCP', family === 'IPv4' ? '0.0.0.0' : '::', port)
    const to = { address: lab.node.addresses[family][0]!, port: 30_080 }
    const answer = await lab.pods[0]!.probe({ protocol: 'TCP', to, timeoutMs: 30_000 })
    t.deepEqual(answer.result === 'answered' && [answer.address, answer.seen.address], [
      far[family],
      near[family],
    ])
  })

  test(`an endpoint on the node itself answers a client behind a bare device, ${family}`, async (t) => {
    await using lab = await createLab()
    using _link = await addBareLink(lab.node, lab.outside)
    const own = lab.node.addresses[family][1]!
    await using _ = await served(lab, family, own)
    await lab.node.serve('TCP', own, port)
    const answer = await lab.outside.probe({ protocol: 'TCP', to: nodeAddress, timeoutMs: 30_000 })
    t.deepEqual(answer.result === 'answered' && [answer.address, answer.seen.address], [own, far[family]])
  })

  test(`a client behind a bare device is refused, ${family}`, async (t) => {
    await using lab = await createLab()
    using _link = await addBareLink(lab.node, lab.outside)
    await using _ = await served(lab, family, far[family])
    const to = { address: vip[family], port: 80 }
    await lab.outside.exec('ip', ['route', 'add', to.address, 'via', near[family]])
    for (const protocol of ['TCP', 'UDP'] as const) await lab.internet.serve(protocol, to.address, to.port)
    for (const protocol of ['TCP', 'UDP'] as const) {
      const answer = await lab.outside.probe({ protocol, to, timeoutMs: 30_000 })
      t.is(answer.result, 'refused', protocol)
    }
  })
}

/** A NodePort to an endpoint, and a ClusterIP that refuses, for both protocols. */
function served({ node }: Lab, family: IpFamily, address: string) {
  const own = [...node.addresses[family], near[family]] as Address[]
  const routes = (['TCP', 'UDP'] as const).flatMap((protocol) => [
    route('a/b', [nodePort(30_080, true)], [endpoint(address)], { protocol }),
    route('a/c', [clusterIP(vip[family], refused)], [], { protocol }),
  ])
  const addresses = { localAddresses: new Set(own), nodePortAddresses: new Set([own[0]!, own.at(-1)!]) }
  return applied(node, nodeTable(node, family, routes, addresses))
}

/** A tun device in each of two hosts, and what carries packets from one to the other. */
async function addBareLink(node: Host, other: Host): Promise<Disposable> {
  const [one, two] = [openTun('bare0', node.networkNamespace), openTun('bare0', other.networkNamespace)]
  for (const [host, addresses] of [
    [node, near],
    [other, far],
  ] as const) {
    await host.exec('ip', ['link', 'set', 'bare0', 'up'])
    await host.exec('ip', ['address', 'add', `${addresses.IPv4}/24`, 'dev', 'bare0'])
    await host.exec('ip', ['address', 'add', `${addresses.IPv6}/64`, 'dev', 'bare0', 'nodad'])
  }
  const packet = Buffer.alloc(65_536)
  const carry = (from: number, to: number) => {
    for (;;) {
      try {
        writeSync(to, packet, 0, readSync(from, packet))
      } catch {
        // Nothing more to read for now.
        return
      }
    }
  }
  const timer = setInterval(() => {
    carry(one, two)
    carry(two, one)
  }, 2)
  return {
    [Symbol.dispose]() {
      clearInterval(timer)
      closeSync(one)
      closeSync(two)
    },
  }
}
