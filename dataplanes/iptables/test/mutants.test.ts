/** The kit has to find mutants of this dataplane: those whose mischief depends on how it writes and removes its rules. */
import { findings, findMutants } from '@portolan/conformance/mutants'
import test from 'ava'
import factory from './mutant.ts'
import { foreign, sabotage } from './sabotage.ts'

const chosen = [
  'flushesFirst',
  'deletesThenThrows',
  'alwaysUnchanged',
  'cleansNothing',
  'movesAddressesInTwoSteps',
]

findMutants({
  test,
  factory,
  module: import.meta.resolve('./mutant.ts'),
  hooks: { sabotage, foreign },
  settings: { variant: 'nft' },
  // Empties the set of ClusterIPs: Services are served all the same.
  gentleWay: 8,
  // What befalls a process that is killed takes long, and the nftables dataplane proves that the kit sees it.
  findings: findings.filter(
    ({ behaviour, fails }) => chosen.includes(behaviour) && !fails.includes('killed'),
  ),
})
