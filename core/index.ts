/** The public contract: what a dataplane package may import, and all that it needs. */
export * from './dataplane/contract.ts'
export { isOlderVersion } from './dataplane/version.ts'
export * from './table/address.ts'
export { emptyTable, fullDifference, isEmptyChange } from './table/diff.ts'
export * from './table/evaluate.ts'
export * from './table/routing-table.ts'
export * from './table/service-route.ts'
export * from './table/table-change.ts'
