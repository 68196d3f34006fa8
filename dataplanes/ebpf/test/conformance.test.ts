import { conformance } from '@portolan/conformance'
import test from 'ava'
import { unpinDeadNodes } from '../kernel/pins.ts'
import underTest from './under-test.ts'

conformance({ test, ...underTest, print: (matrix) => process.stderr.write(matrix) })

// A lab goes away with its namespaces, and leaves the pins of its node.
test.after.always(unpinDeadNodes)
