import test from 'ava'
import { buildOtherwise } from '../build.ts'
import { type Choice, SwitchedNode, switchComplaints } from '../dataplane-switch.ts'
import { createScene } from '../scene.ts'
import { standingRules } from '../standing-rules.ts'

// `npm run changing` does it under more load.

const small = { everyMs: 50, held: 2 }
const flags = ['--masquerade-bit', '13']
const build = await buildOtherwise()

/** Ways from the present build, without options, and back to it: upgrades, downgrades, other options. */
const ways: readonly (readonly Choice[])[] = [
  [{ name: 'nftables', build, options: ['transport=nft'], flags }],
  [
    { name: 'iptables', build, options: ['comments=no'], flags },
    { name: 'iptables', options: ['variant=legacy'] },
  ],
  [
    {
      name: 'ebpf',
      build,
      options: ['flows-size=32768', 'services-size=1024', 'masquerade-ports=50000-50999'],
    },
  ],
]

for (const choices of ways) {
  const name = choices[0]?.name ?? 'nftables'
  const loss = name === 'ebpf' ? '1 % of new connections at most, between two sets of maps,' : 'nothing'
  test.serial(
    `${name}: another build and other options lose ${loss} and leave one set of rules`,
    async (t) => {
      t.timeout(600_000)
      await using scene = await createScene({
        dataplane: name,
        server: 'embedded',
        services: 20,
        slowness: 1,
      })
      await using node = new SwitchedNode(scene)
      const before = await standingRules(scene.lab)
      const back = { name, options: name === 'iptables' ? ['variant=nft'] : [] }
      for (const to of choices.flatMap((choice) => [choice, back])) {
        const outcome = await node.switchTo(to, small)
        t.deepEqual(switchComplaints(outcome), [])
        const { tried, asked, said } = outcome.load
        t.true(tried > 50 && asked > 16 && said > 50, JSON.stringify(outcome))
      }
      t.deepEqual(await standingRules(scene.lab), before)
    },
  )
}
