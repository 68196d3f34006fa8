/** The kit has to find mutants of this dataplane: those whose mischief depends on how it keeps its maps and programs. */
import { findings, findMutants } from '@portolan/conformance/mutants'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import factory from './mutant.ts'
import { foreign, sabotage } from './sabotage.ts'

const chosen = [
  'flushesFirst',
  'deletesThenThrows',
  'alwaysUnchanged',
  'cleansNothing',
  'changesIPv4Only',
  'favoursOneEndpoint',
]

findMutants({
  test,
  factory,
  module: import.meta.resolve('./mutant.ts'),
  hooks: { sabotage, foreign },
  // Empties the maps of local endpoints and source ranges: Services without ranges are served all the same.
  gentleWay: 1,
  findings: findings.filter(
    // Changes are not applied whole here: that row is a declared gap. What befalls a process that is killed takes long,
    // and the nftables dataplane proves that the kit sees it.
    ({ behaviour, fails }) => chosen.includes(behaviour) && !/refused whole|killed/.test(fails),
  ),
})

// A lab goes away with its namespaces, and leaves the pins of its node.
test.after.always(unpinDeadNodes)
