import { mutantFactory, planted } from '@portolan/conformance/mutants'
import factory from '../index.ts'
import { programMutants } from './program-mutants.ts'

/** This dataplane with something wrong, as its setting `mutant` says; mutants.test.ts, and portolan fuzz, find it. */
export default mutantFactory(
  factory,
  Object.fromEntries(Object.entries(programMutants).map(([name, { plant }]) => [name, planted(plant)])),
)
