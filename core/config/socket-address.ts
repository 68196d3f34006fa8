import { type Address, familyOf, parseAddress } from '../network/address.ts'

/** Where a server listens. */
export interface SocketAddress {
  readonly address: Address
  /** 1 to 65535; 0 has the kernel choose, which no configuration may. */
  readonly port: number
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, or the address alone, with `standardPort`; `undefined` where it is none of them. */
export function parseSocketAddress(text: string, standardPort: number): SocketAddress | undefined {
  const alone = parseAddress(text)
  if (alone !== undefined) return { address: alone, port: standardPort }
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? []
  const address = parseAddress(bracketed ?? plain ?? '')
  const port = Number(digits)
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port }
}

/** As {@link parseSocketAddress} reads it. */
export function printSocketAddress({ address, port }: SocketAddress): string {
  return familyOf(address) === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`
}
