import type { Address, IpFamily } from '@portolan/core'
import { createLab, families, type Lab, network, podAddress } from '@portolan/lab'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import { applied, nodeTable } from './applied-table.ts'
import { clusterIP, endpoint, internal, nodePort, route } from './example-tables.ts'

test.after.always(unpinDeadNodes)

/*
 * Pods of one subnet behind one bridge, as with the ordinary bridge plugin: what one says to another is switched, past
 * the node's routing, and so is an endpoint's answer to a client that has asked a Service.
 */

const port = 8080
const vip = { IPv4: '10.96.0.1', IPv6: 'fd00:10:96::1' } as const
const bridge = 'cbr0'

/** The lab's pods reach each other by the node's routes; from here on by the link. */
async function bridgedLab(): Promise<Lab> {
  const lab = await createLab({ pods: 2, podNetwork: 'bridge' })
  for (const pod of lab.pods) {
    for (const family of families)
      await pod.exec('ip', ['route', 'add', network[family].podCidr, 'dev', 'eth0'])
  }
  return lab
}

/** A Service at a ClusterIP and a NodePort, with pods of the node as endpoints. */
function served({ node }: Lab, family: IpFamily, protocol: 'TCP' | 'UDP', pods: readonly number[]) {
  const endpoints = pods.map((index) => endpoint(podAddress(family, index), true, port))
  const frontends = [clusterIP(vip[family], internal), nodePort(30_080, true)]
  const one = route('a/b', frontends, endpoints, { protocol })
  return applied(
    node,
    nodeTable(node, family, [one], {
      podSource: { by: 'interface', name: bridge },
      clusterIPs: new Set([vip[family] as Address]),
    }),
  )
}

for (const family of families) {
  const own = [podAddress(family, 0), podAddress(family, 1)] as const

  for (const protocol of ['TCP', 'UDP'] as const) {
    test(`a pod reaches a Service whose endpoint is another pod of its bridge, ${protocol}, ${family}`, async (t) => {
      await using lab = await bridgedLab()
      await using _ = await served(lab, family, protocol, [1])
      await lab.pods[1]!.serve(protocol, own[1], port)
      const to = { address: vip[family], port: 80 }
      for (let turn = 0; turn < 3; turn++) {
        const answer = await lab.pods[0]!.probe({ protocol, to, timeoutMs: 30_000 })
        t.deepEqual(answer.result === 'answered' ? [answer.host, answer.seen.address] : answer.result, [
          'pod1',
          own[0],
        ])
      }
    })

    test(`a pod behind a bridge reaches itself by a Service, ${protocol}, ${family}`, async (t) => {
      await using lab = await bridgedLab()
      await using _ = await served(lab, family, protocol, [0])
      await lab.pods[0]!.serve(protocol, own[0], port)
      const answer = await lab.pods[0]!.probe({
        protocol,
        to: { address: vip[family], port: 80 },
        timeoutMs: 30_000,
      })
      t.deepEqual(answer.result === 'answered' ? [answer.host, answer.seen.address] : answer.result, [
        'pod0',
        network[family].podGateway,
      ])
    })

    test(`the node and a client outside reach a pod behind a bridge masqueraded, ${protocol}, ${family}`, async (t) => {
      await using lab = await bridgedLab()
      await using _ = await served(lab, family, protocol, [1])
      await lab.pods[1]!.serve(protocol, own[1], port)
      const asks = [
        lab.node.probe({ protocol, to: { address: vip[family], port: 80 }, timeoutMs: 30_000 }),
        lab.outside.probe({
          protocol,
          to: { address: network[family].node.uplink, port: 30_080 },
          timeoutMs: 30_000,
        }),
      ]
      for (const answer of await Promise.all(asks)) {
        t.deepEqual(answer.result === 'answered' ? [answer.host, answer.seen.address] : answer.result, [
          'pod1',
          network[family].podGateway,
        ])
      }
    })
  }

  test(`pods of one bridge reach each other past the Services as before, ${family}`, async (t) => {
    await using lab = await bridgedLab()
    await using _ = await served(lab, family, 'TCP', [1])
    await lab.pods[1]!.serve('TCP', own[1], port)
    const answer = await lab.pods[0]!.probe({
      protocol: 'TCP',
      to: { address: own[1], port },
      timeoutMs: 30_000,
    })
    t.is(answer.result === 'answered' ? answer.seen.address : answer.result, own[0])
  })

  test(`an ICMP error of another pod of its bridge reaches a Service's client, ${family}`, async (t) => {
    await using lab = await bridgedLab()
    await using _ = await served(lab, family, 'UDP', [1])
    const to = { address: vip[family], port: 80 }
    t.is((await lab.pods[0]!.probe({ protocol: 'UDP', to, timeoutMs: 30_000 })).result, 'refused')
  })
}

test('a port that leaves its bridge is served as itself, and one that joins as a port', async (t) => {
  await using lab = await bridgedLab()
  await using dataplane = await served(lab, 'IPv4', 'TCP', [1])
  const detached = async () => (await dataplane.dataplane.observe('IPv4')).detached
  t.deepEqual(await detached(), [])
  for (const change of [['nomaster'], ['master', bridge]]) {
    await lab.node.exec('ip', ['link', 'set', 'podveth0', ...change])
    await dataplane.change(nodeTable(lab.node, 'IPv4', []))
    t.deepEqual(await detached(), [], change[0])
  }
})
