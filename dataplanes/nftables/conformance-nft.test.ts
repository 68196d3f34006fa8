import { conformance } from '@portolan/conformance'
import test from 'ava'
import factory from './index.ts'
import { foreign, sabotage } from './sabotage.ts'

/** What the transports could do differently: the rules themselves are the same, and conformance.test.ts proves them. */
const transportRows = /random changes|process|cleanup|damage|restart/

conformance({
  test,
  factory,
  settings: { transport: 'nft' },
  module: import.meta.resolve('./index.ts'),
  hooks: { sabotage, foreign },
  filter: ({ name }) => transportRows.test(name),
})
