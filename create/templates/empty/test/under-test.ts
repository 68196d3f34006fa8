import type { DataplaneUnderTest } from '@portolan/conformance'
import factory from '../src/index.ts'

/** What the conformance kit and `portolan eval` have to know of this dataplane. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('../src/index.ts'),
  hooks: {
    // sabotage: damages what the dataplane has applied, from outside, in as many ways as you know.
    // foreign: puts something of another tool beside it.
  },
}

export default underTest
