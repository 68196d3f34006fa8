import test from 'ava'
import { circuit, killAtEachStep, SwitchedNode, steps, switchComplaints } from '../dataplane-switch.ts'
import type { ProxyProcess } from '../proxy-process.ts'
import { createScene } from '../scene.ts'

// `npm run changing` does it under more load.

const small = { everyMs: 50, held: 2 }

test.serial(
  'a node goes from each dataplane to each other one, and no packet and no connection is lost',
  async (t) => {
    t.timeout(1_100_000)
    await using scene = await createScene({
      dataplane: 'nftables',
      server: 'embedded',
      services: 20,
      slowness: 1,
    })
    await using node = new SwitchedNode(scene)
    for (const to of circuit.slice(1)) {
      const outcome = await node.switchTo(to, small)
      t.deepEqual(switchComplaints(outcome), [])
      const { tried, asked, said } = outcome.load
      t.true(tried > 100 && asked > 16 && said > 100, JSON.stringify(outcome))
    }
  },
)

test.serial(
  'a process that is killed at any step leaves a node that serves, and the next one finishes',
  async (t) => {
    t.timeout(1_100_000)
    await using scene = await createScene({
      dataplane: 'ebpf',
      server: 'embedded',
      services: 20,
      slowness: 1,
    })
    await using node = new SwitchedNode(scene)
    for (const name of ['iptables', 'ebpf'] as const) {
      let seen: readonly string[] = []
      const outcome = await node.switchTo({ name }, small, async (successor: ProxyProcess) => {
        seen = await killAtEachStep(successor)
      })
      t.deepEqual(seen, [...steps])
      t.deepEqual(switchComplaints(outcome), [])
    }
  },
)

test.serial(
  'where the new dataplane can not run the old one goes on untouched, and the reason is told',
  async (t) => {
    t.timeout(300_000)
    await using scene = await createScene({
      dataplane: 'nftables',
      server: 'embedded',
      services: 5,
      slowness: 1,
    })
    await using node = new SwitchedNode(scene)
    await node.proxy.stop()
    const ebpf = node.process({ name: 'ebpf', options: ['cgroup=/nowhere'] })
    ebpf.start()
    const { code } = await ebpf.ended
    t.is(code, 1)
    const kept = ebpf.lines.find(({ event }) => event === 'predecessor-kept')
    t.regex(
      kept?.msg ?? '',
      /dataplane ebpf can't take over from dataplane nftables: .*nowhere.*portolan run --dataplane nftables/s,
    )
    t.deepEqual(await scene.changes.wrong(), [])
    t.is(await node.proxy.difference(), '')
  },
)
