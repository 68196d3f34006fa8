import { type Address, familyOf, type IpFamily, parseAddress } from './address.ts'

/** Where a server listens: an address and a TCP port. */
export interface SocketAddress {
  readonly address: Address
  /** 1 to 65535; 0 has the kernel choose. */
  readonly port: number
}

/**
 * Reads `192.0.2.1:10256`, `[::]:10256`, an address alone (with `defaultPort`, as kube-proxy appends it), or `:10256` for
 * all addresses; `undefined` for anything else.
 */
export function parseSocketAddress(text: string, defaultPort: number): SocketAddress | undefined {
  const alone = parseAddress(text)
  if (alone !== undefined) return { address: alone, port: defaultPort }
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const address = host === '' && bracketed === undefined ? allAddresses('IPv4') : parseAddress(host)
  const port = Number(digits)
  if (digits === '' || address === undefined || port < 1 || port > 65_535) return undefined
  return bracketed === undefined || familyOf(address) === 'IPv6' ? { address, port } : undefined
}

/** `192.0.2.1:10256`, `[::1]:10256` */
export function socketAddressText({ address, port }: SocketAddress): string {
  return familyOf(address) === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}

/** `0.0.0.0` or `::`. */
export function allAddresses(family: IpFamily): Address {
  return (family === 'IPv4' ? '0.0.0.0' : '::') as Address
}

/**
 * What an operator means by an address to listen on: `0.0.0.0` and `::` are every address of the node, of whichever
 * family, as in kube-proxy, whose Go listens on both for either. Anything else is that address.
 *
 * @param families that the node has
 */
export function listenAddresses(
  asked: SocketAddress,
  families: readonly IpFamily[],
): readonly SocketAddress[] {
  const isWildcard = asked.address === allAddresses('IPv4') || asked.address === allAddresses('IPv6')
  if (!isWildcard) return [asked]
  return families.map((family) => ({ address: allAddresses(family), port: asked.port }))
}
