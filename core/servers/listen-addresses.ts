import type { SocketAddress } from '../config/socket-address.ts'
import type { Address, IpFamily } from '../network/address.ts'

/** `0.0.0.0` or `::`. */
export function allAddresses(family: IpFamily): Address {
  return (family === 'IPv4' ? '0.0.0.0' : '::') as Address
}

/**
 * Where a server listens whose configured address is this. `0.0.0.0` and `::` are every address of the node, of both
 * families, as in kube-proxy: Go listens on both for either. Anything else is that address.
 *
 * @param families that the node has
 */
export function listenAddresses(
  configured: SocketAddress,
  families: readonly IpFamily[],
): readonly SocketAddress[] {
  const { address, port } = configured
  const isEverything = address === allAddresses('IPv4') || address === allAddresses('IPv6')
  return isEverything ? families.map((family) => ({ address: allAddresses(family), port })) : [configured]
}
