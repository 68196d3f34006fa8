import { conformance } from '@portolan/conformance'
import test from 'ava'
import underTest from './under-test.ts'

conformance({
  test,
  ...underTest,
  settings: { variant: 'nft' },
  print: (matrix) => process.stderr.write(matrix),
})
