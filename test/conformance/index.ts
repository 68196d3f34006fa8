/**
 * The conformance kit: proves of any dataplane, ours or yours, that it does what the routing table says. It makes
 * virtual nodes (see @portolan/lab), puts Kubernetes objects through the core and the tables through the dataplane,
 * sends real packets through the real kernel, and compares with the core's reference.
 *
 * In a test file of the dataplane's package:
 *
 * ```ts
 * import { conformance } from '@portolan/conformance'
 * import test from 'ava'
 * import { foreign, sabotage } from './damage.ts'
 * import factory from './index.ts'
 *
 * conformance({ test, factory, module: import.meta.resolve('./index.ts'), hooks: { sabotage, foreign } })
 * ```
 *
 * Or without a test runner: `printMatrix((await runConformance({ ... })).rows)`, with the same options but `test`. It
 * needs root, and leaves nothing behind. A process that is to be killed loads `module`; the hooks are what only the
 * dataplane's author can write (see {@link KitHooks}). The rows that need one that isn't given fail and say so.
 *
 * What a dataplane lacks it declares in `capabilities.gaps`; the rows of that feature then count as gaps, and everything
 * else has to pass: no row is skipped. What can't be asked because the kernel lacks it (SCTP) is told as not proved.
 *
 * `@portolan/conformance/vm` runs the kit on a second kernel; see vm-suite.ts.
 */
export { checkCapabilities } from './declared-capabilities.ts'
export { type ListedClaim, listClaims } from './list-claims.ts'
export { printMatrix, titleOf } from './matrix.ts'
export { nodeState } from './node-state.ts'
export type { Row, RowClaim, RowFeature } from './row.ts'
export {
  type ConformanceOptions,
  type ConformanceResult,
  type DataplaneUnderTest,
  refutedGap,
  runConformance,
} from './run.ts'
export type { KitHooks } from './scenario.ts'
export { type Assertions, conformance, type SuiteOptions, type TestFunction } from './suite.ts'
