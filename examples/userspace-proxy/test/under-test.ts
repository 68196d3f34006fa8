import type { DataplaneUnderTest } from '@portolan/conformance'
import factory from '../src/index.ts'
import { foreign, sabotage } from './damage.ts'

/** What the conformance kit and `portolan eval` have to know of this dataplane. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('../src/index.ts'),
  hooks: { sabotage, foreign },
}

export default underTest
