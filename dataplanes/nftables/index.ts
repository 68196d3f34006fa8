import type { DataplaneFactory, DataplaneOptions } from '@portolan/core'
import { NftablesDataplane } from './nftables-dataplane.ts'

/** Makes the nftables dataplane. Setting `transport`: `netlink` (default), or `nft` for the nft program alone. */
const nftables: DataplaneFactory = (options: DataplaneOptions) => new NftablesDataplane(options)

export default nftables
export { NftablesDataplane }
