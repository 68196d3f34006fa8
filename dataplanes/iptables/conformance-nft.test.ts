import { conformance } from '@portolan/conformance'
import test from 'ava'
import factory from './index.ts'
import { foreign, sabotage } from './sabotage.ts'

conformance({
  test,
  factory,
  settings: { variant: 'nft' },
  module: import.meta.resolve('./index.ts'),
  hooks: { sabotage: sabotage('nft'), foreign: foreign('nft') },
})
