import type { DataplaneUnderTest } from '@portolan/conformance'
import { ebpf } from '../ebpf-dataplane.ts'
import factory from './lab-dataplane.ts'
import { foreign, sabotage } from './sabotage.ts'

/** The dataplane as the conformance kit takes it, on this machine's kernel and on another. */
const underTest: DataplaneUnderTest = {
  factory,
  module: import.meta.resolve('./lab-dataplane.ts'),
  wraps: ebpf,
  hooks: { sabotage, foreign },
}

export default underTest
