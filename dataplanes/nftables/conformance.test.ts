import { conformance } from '@portolan/conformance'
import test from 'ava'
import factory from './index.ts'
import { foreign, sabotage } from './sabotage.ts'

conformance({
  test,
  factory,
  module: import.meta.resolve('./index.ts'),
  hooks: { sabotage, foreign },
  print: (matrix) => process.stderr.write(matrix),
})
