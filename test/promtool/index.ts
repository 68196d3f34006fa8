/**
 * Prometheus' own parser and query engine, by its tool promtool: whether metrics are well formed, and what expressions
 * come to.
 *
 * `setup.sh test` unpacks it from Debian's package `prometheus` into a cache folder (`~/.cache/portolan/promtool`), without
 * installing it. Where there is none, tests are skipped and say so.
 */

export { cachedPromtool } from './debian-promtool.ts'
export { checkMetrics, checkRules, type Expectation, evaluateRules, type Series } from './promtool.ts'
