export { NetfilterInfo } from './netfilter-info.ts'
export { XtablesInfo } from './xtables-info.ts'
