import { setTimeout as sleep } from 'node:timers/promises'
import { type Host, network } from '@portolan/lab'
import { nodeName, nodeObject, steady } from '../cluster-objects.ts'
import { type Fault, once } from '../fault.ts'
import { type Scene, untilRight } from '../scene.ts'

const group = 'the node'
const added = { IPv4: '172.20.0.77', IPv6: 'fd00:172:20::77' }
const limitMs = 60_000

/** Resolves when a NodePort answers at an address, or no longer does. */
async function untilAnswered(client: Host, address: string, wanted: boolean): Promise<void> {
  const end = performance.now() + limitMs
  const to = { address, port: steady.nodePort ?? 0 }
  for (;;) {
    const { result } = await client.probe({ protocol: 'TCP', to, timeoutMs: 300 })
    if ((result === 'answered') === wanted) return
    if (performance.now() > end)
      throw new Error(`the NodePort at ${address}: ${result} after ${limitMs / 1000} s`)
    await sleep(20)
  }
}

export const nodeFaults: readonly Fault[] = [
  {
    name: 'gets another address, and loses it',
    group,
    rounds: () => [
      once(async ({ lab }) => {
        const since = performance.now()
        for (const address of Object.values(added)) await lab.node.addAddress(address)
        for (const address of Object.values(added)) await untilAnswered(lab.outside, address, true)
        return since
      }),
      once(async ({ lab }) => {
        for (const address of Object.values(added)) await lab.node.removeAddress(address)
      }),
    ],
  },
  {
    name: 'its Node object has other addresses',
    group,
    rounds: () => [
      once(async ({ server, changes }) => {
        const node = nodeObject(changes.zone)
        const addresses = [network.IPv4.node.remote, network.IPv6.node.remote]
        const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) }
        await server.apply([{ ...node, status }])
        await changes.make()
      }),
      once(async ({ server, changes }) => {
        await server.apply([nodeObject(changes.zone)])
        await changes.make()
      }),
    ],
  },
  {
    name: 'changes its zone',
    group,
    rounds: () => Array.from({ length: 4 }, () => once(({ changes }: Scene) => changes.changeZone())),
  },
  {
    name: 'changes its podCIDR, pods told by the cluster CIDR',
    group,
    needsAnswers: true,
    rounds: () =>
      [['10.1.0.0/24', 'fd00:10:1::/64'], ['10.1.9.0/24', 'fd00:10:1:9::/64'], undefined].map((podCidrs) =>
        once(async ({ server, changes }: Scene) => {
          await server.apply([nodeObject(changes.zone, podCidrs)])
          await changes.make()
        }),
      ),
  },
  {
    name: 'changes its podCIDR, pods told by it: ends to be restarted',
    group,
    needsAnswers: true,
    rounds: () => [
      once(
        async (scene) => {
          const { server, changes, proxy } = scene
          await proxy.stop()
          await server.apply([nodeObject(changes.zone, ['10.1.0.0/24', 'fd00:10:1::/64'])])
          proxy.start({ flags: ['--detect-local-mode', 'NodeCIDR'] })
          await proxy.told('node-in-sync')
          await server.apply([nodeObject(changes.zone, ['10.1.9.0/24', 'fd00:10:1:9::/64'])])
          await changes.make()
          await Promise.race([
            proxy.ended,
            sleep(limitMs, undefined, { ref: false }).then(() => {
              throw new Error(`it goes on with other podCIDRs:\n${proxy.lastWords}`)
            }),
          ])
          await server.apply([nodeObject(changes.zone)])
        },
        { mayEnd: true },
      ),
    ],
  },
  {
    name: 'its Node object is deleted, and made again',
    group,
    rounds: ({ extent }) => [
      once(async (scene) => {
        await scene.server.remove('Node', undefined, nodeName)
        await scene.changes.make()
        const { wrong } = await untilRight(scene)
        if (wrong.length > 0) throw new Error(`without its Node object:\n${wrong.join('\n')}`)
        await sleep(extent === 'long' ? 60_000 : 0)
        await scene.server.apply([nodeObject(scene.changes.zone)])
        await scene.changes.make()
      }),
    ],
  },
]
