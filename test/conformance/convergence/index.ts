/**
 * The property that a dataplane converges, for test files of dataplane packages; see {@link converges}. The conformance
 * kit has it as a row, on the real kernel.
 */
export { BrokenCall, type Interference, interference } from './interference.ts'
export { type FaultyParts, mutated, sequencesUntilFound } from './mutant.ts'
export { play, type Subject } from './play.ts'
export { type Counterexample, describe, findCounterexample, type Search } from './property.ts'
export { type ConvergenceOptions, checkConvergence, converges } from './property-test.ts'
export { randomSequence, type SequenceOptions } from './random-sequence.ts'
export type { Fault, NodeSetup, Sequence, Step } from './sequence.ts'
