/** The public contract: what a dataplane package may import, and all that it needs. */
export * from './dataplane/contract.ts'
export type { DataplaneContext, DataplaneParts } from './dataplane/dataplane-parts.ts'
export { defineDataplane } from './dataplane/define-dataplane.ts'
export type { DataplaneLogger } from './dataplane/logger.ts'
export * from './dataplane/named-values.ts'
export {
  parseSettings,
  type SettingDeclaration,
  type SettingDeclarations,
  SettingError,
  type SettingValues,
} from './dataplane/settings.ts'
export { isOlderVersion } from './dataplane/version.ts'
export { CodedError } from './error/coded-error.ts'
export * from './network/address.ts'
export * from './network/protocol.ts'
export { isLoopback } from './network/special-addresses.ts'
export { sysctlPath } from './network/sysctl-path.ts'
export { emptyTable, fullDifference, isEmptyChange } from './table/diff.ts'
export * from './table/evaluate.ts'
export * from './table/routing-table.ts'
export * from './table/service-route.ts'
export * from './table/table-change.ts'
export type { FlowAddress, FlowSuspects, UdpFlows } from './table/udp-flows.ts'
export * from './table/verdict-letter.ts'
