import type { DataplaneFactory, DataplaneOptions } from '@portolan/core'
import { IptablesDataplane } from './iptables-dataplane.ts'

/**
 * Makes the iptables dataplane. Settings: `variant`, `legacy` or `nft` (default: what the node uses), and `comments`,
 * `yes` (default) or `no`: each Service's name at one of its rules.
 */
const iptables: DataplaneFactory = (options: DataplaneOptions) => new IptablesDataplane(options)

export default iptables
export { IptablesDataplane }
