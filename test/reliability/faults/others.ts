import { setTimeout as sleep } from 'node:timers/promises'
import { damage, damages } from '../damage.ts'
import { type Fault, once } from '../fault.ts'
import type { DataplaneName, Scene } from '../scene.ts'

const group = 'another program'
const losesPackets = 'until it is repaired'

/** Of those of `damages`: everything, what Services are found by, and what leads packets to that. */
const waysBeforeChanges: Readonly<Record<DataplaneName, readonly number[]>> = {
  nftables: [0, 1, 7],
  iptables: [0, 3, 2],
  ebpf: [8, 0, 10],
  ipvs: [0, 1, 3],
}

/** As a firewall service does whose file begins so. */
const firewall = [
  'flush ruleset',
  'table inet firewall {',
  '  chain input { type filter hook input priority 0 ; ct state established,related accept ; }',
  '}',
]

function nft({ lab }: Scene, lines: readonly string[]): Promise<unknown> {
  return lab.node.exec('nft', ['-f', '-'], { input: lines.join('\n') })
}

export const otherProgramFaults: readonly Fault[] = [
  {
    name: 'nft flush ruleset, and a firewall of its own',
    group,
    dataplanes: ['nftables', 'iptables'],
    losesPackets,
    rounds: () => [
      once((scene) => nft(scene, ['flush ruleset'])),
      once((scene) => nft(scene, firewall), {
        after: async (scene) => void (await nft(scene, ['delete table inet firewall'])),
      }),
    ],
  },
  {
    name: 'damages our rules, maps, links or pins, each way there is',
    group,
    losesPackets,
    rounds: ({ dataplane }) =>
      Array.from({ length: damages[dataplane] }, (_, way) =>
        once(async ({ lab, proxy }) => {
          const after = proxy.lines.length
          const since = performance.now()
          await damage(dataplane, lab, way)
          // Packets don't tell of every damage.
          await proxy.told('drift-repaired', { after })
          return since
        }),
      ),
  },
  {
    name: 'the same in some ways, and the cluster changes before it is seen',
    group,
    losesPackets,
    rounds: ({ dataplane }) =>
      waysBeforeChanges[dataplane].map((way) =>
        once(async ({ lab, changes }) => {
          await damage(dataplane, lab, way)
          await changes.make()
        }),
      ),
  },
  {
    name: 'commits to nftables without a pause',
    group,
    dataplanes: ['nftables', 'iptables'],
    rounds: ({ extent }) => [
      once(async (scene) => {
        const end = performance.now() + (extent === 'long' ? 60_000 : 3_000)
        for (let turn = 0; performance.now() < end; turn++) {
          await nft(scene, ['table inet busy', 'delete table inet busy'])
          if (turn % 10 === 0) await scene.changes.make()
          await sleep(1)
        }
      }),
    ],
  },
]
