import { mutantFactory } from '@portolan/conformance/mutants'
import factory from '../index.ts'

/** This dataplane with something wrong, as its setting `mutant` says; mutants.test.ts finds each. */
export default mutantFactory(factory)
