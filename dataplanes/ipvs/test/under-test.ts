import type { DataplaneUnderTest } from '@portolan/conformance'
import factory from '../index.ts'
import { foreign, sabotage } from './sabotage.ts'

/** What the conformance kit has to know, in this process and in the guest of a virtual machine. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('../index.ts'),
  hooks: { sabotage, foreign },
}

export default underTest
