/**
 * What dataplanes over netfilter share: iptables and ipset by their tools, ipset by netlink, and what the kernel tells of
 * its tables. Nothing here knows what a Service is, or reads back what others have.
 */
export { addressFamily, type IpFamily } from './family.ts'
export { GenerationWatch } from './generation-watch.ts'
export { Ipset, type SavedSet } from './ipset.ts'
export {
  type IpsetElement,
  type IpsetType,
  ipsetCommand,
  isIpsetOfType,
  readIpsetCount,
  readIpsetElements,
  readIpsetRevision,
  writeIpsetCreate,
  writeIpsetDestroy,
  writeIpsetElement,
  writeIpsetList,
  writeIpsetTypeRequest,
} from './ipset-messages.ts'
export {
  detectIptablesVariant,
  findIptables,
  type IptablesPrograms,
  type IptablesVariant,
  iptablesProgram,
  iptablesVariants,
  legacyTables,
} from './iptables-variant.ts'
export { NetfilterInfo } from './netfilter-info.ts'
export {
  netlinkNetfilter,
  nfnetlinkHeaderBytes,
  nfnetlinkSubsystem,
  writeNfnetlinkHeader,
} from './nfnetlink.ts'
export { RefusedLineError } from './refused-line.ts'
export { formatProbability, noRules, readSavedRules, removalLines, type SavedRules } from './saved-rules.ts'
export { canSwapSets, isSameSetType } from './set-type.ts'
export { podMatch, type SourceOfPods } from './source-match.ts'
export {
  type FlowAddress,
  type ForgottenFlows,
  forgetStaleFlows,
  type StaleFlowsOptions,
} from './stale-flows.ts'
export { countConnectionsOfIpvs, countTranslatedConnections } from './translated-connections.ts'
export { Xtables } from './xtables.ts'
export { XtablesInfo } from './xtables-info.ts'
export { xtablesLockProblem } from './xtables-lock.ts'
