import type { Settings } from '../layout/settings.ts'
import type { NftCommand } from './nft-command.ts'
import type { Transport } from './transport.ts'

export type OpenTransport = (
  settings: Settings,
  nft: NftCommand,
  networkNamespace: string | undefined,
) => Promise<Transport>

/** The native library is loaded only here, so that `explain` and `plan` from a file need neither it nor root. */
export const openTransport: OpenTransport = async ({ transport }, nft, networkNamespace) => {
  if (transport === 'nft') {
    const { NftTransport } = await import('./nft-transport.ts')
    return new NftTransport(nft)
  }
  const { NetlinkTransport } = await import('./netlink-transport.ts')
  return new NetlinkTransport(nft, networkNamespace)
}
