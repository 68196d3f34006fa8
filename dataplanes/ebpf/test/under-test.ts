import type { DataplaneUnderTest } from '@portolan/conformance'
import factory from './lab-dataplane.ts'
import { foreign, sabotage } from './sabotage.ts'

/** The dataplane as the conformance kit takes it, on this machine's kernel and on another. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('./lab-dataplane.ts'),
  hooks: { sabotage, foreign },
}

export default underTest
