import { mutantFactory, planted } from '@portolan/conformance/mutants'
import factory from '../index.ts'
import { programMutants } from './program-mutants.ts'

/** What this dataplane alone could do wrong. */
export const ownMutants: readonly string[] = Object.keys(programMutants)

/** This dataplane with something wrong, as its setting `mutant` says; mutants.test.ts, and portolan fuzz, find it. */
export default mutantFactory(
  factory,
  Object.fromEntries(Object.entries(programMutants).map(([name, { plant }]) => [name, planted(plant)])),
)
