/**
 * Dataplanes that do one thing wrong, for the tests of the kit itself: each has to be found by the rows that are about it.
 *
 * ```ts
 * // mutant.ts, a module of its own because a process that is to be killed loads it
 * export default mutantFactory(factory)
 *
 * // mutants.test.ts
 * findMutants({ test, factory: mutant, module: import.meta.resolve('./mutant.ts'), hooks, gentleWay: 0, findings })
 * ```
 */
export { type Finding, type FoundMutants, findMutants } from './find-mutants.ts'
export { findings } from './findings.ts'
export { interferences } from './interferences.ts'
export { misunderstandings } from './misunderstandings.ts'
export { mutantFactory, planted } from './mutant-factory.ts'
