import { conformance } from '@portolan/conformance'
import test from 'ava'
import factory from './index.ts'
import { foreign, sabotage } from './sabotage.ts'

conformance({
  test,
  factory,
  settings: { variant: 'legacy' },
  module: import.meta.resolve('./index.ts'),
  hooks: { sabotage: sabotage('legacy'), foreign: foreign('legacy') },
})
