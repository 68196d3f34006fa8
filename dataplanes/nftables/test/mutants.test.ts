/** The kit has to find every mutant of this dataplane. */
import { findings, findMutants } from '@portolan/conformance/mutants'
import test from 'ava'
import factory from './mutant.ts'
import { foreign, sabotage } from './sabotage.ts'

findMutants({
  test,
  factory,
  module: import.meta.resolve('./mutant.ts'),
  hooks: { sabotage, foreign },
  // Empties two sets: Services are served all the same.
  gentleWay: 5,
  findings,
})
