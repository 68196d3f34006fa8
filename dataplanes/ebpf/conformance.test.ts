import { conformance } from '@portolan/conformance'
import test from 'ava'
import factory from './lab-dataplane.ts'
import { unpinDeadNodes } from './pins.ts'
import { foreign, sabotage } from './sabotage.ts'

conformance({
  test,
  factory,
  module: import.meta.resolve('./lab-dataplane.ts'),
  hooks: { sabotage, foreign },
  print: (matrix) => process.stderr.write(matrix),
})

// A lab goes away with its namespaces, and leaves the pins of its node.
test.after.always(unpinDeadNodes)
