import type { DataplaneUnderTest } from '@portolan/conformance'
import factory from '../index.ts'
import { foreign, sabotage } from './sabotage.ts'

/** The dataplane as the conformance kit takes it, on this machine's kernel and on another. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('../index.ts'),
  hooks: { sabotage, foreign },
}

export default underTest
