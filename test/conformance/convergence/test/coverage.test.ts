import type { IpFamily } from '@portolan/core'
import test from 'ava'
import { Random } from '../../random.ts'
import { combinationsIn, everyCombination } from '../coverage.ts'
import { LiveCluster } from '../live-cluster.ts'
import { randomSequence } from '../random-sequence.ts'

const sequences = 6000

test('random clusters come to every combination of frontends, policies, ranges, affinity, protocols and counts', (t) => {
  const possible = everyCombination()
  const reached: Record<IpFamily, Set<string>> = { IPv4: new Set(), IPv6: new Set() }
  for (let seed = 1; seed <= sequences; seed++) {
    const { node, steps } = randomSequence(new Random(seed))
    const cluster = new LiveCluster(node, [])
    for (const step of steps) {
      if (step.do === 'set' || step.do === 'remove' || step.do === 'local-addresses') cluster.change(step)
      if (step.do !== 'sync') continue
      for (const family of node.families) {
        cluster.builder(family).drain()
        for (const one of combinationsIn(cluster.table(family))) reached[family].add(one)
      }
    }
  }
  for (const [family, found] of Object.entries(reached)) {
    t.deepEqual(
      [...possible].filter((one) => !found.has(one)),
      [],
      `${family}: not reached`,
    )
    t.deepEqual(
      [...found].filter((one) => !possible.has(one)),
      [],
      `${family}: reached, and thought impossible`,
    )
  }
  t.log(`${possible.size} combinations in each family, all reached by ${sequences} sequences`)
})
