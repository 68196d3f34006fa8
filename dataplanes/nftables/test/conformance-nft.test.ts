import { conformance } from '@portolan/conformance'
import test from 'ava'
import underTest from './under-test.ts'

/** What the transports could do differently: the rules themselves are the same, and conformance.test.ts proves them. */
const transportRows = /random changes|process|cleanup|damage|restart/

conformance({
  test,
  ...underTest,
  settings: { transport: 'nft' },
  filter: ({ name }) => transportRows.test(name),
})
