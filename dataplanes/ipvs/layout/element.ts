import type { Address, Cidr, FrontendKey, Protocol } from '@portolan/core'
import { frontendKey } from '@portolan/core'
import type { SetName } from './sets.ts'

/** Address, protocol and port: where a frontend answers. A NodePort is one at each of the node's addresses. */
export interface Destination {
  readonly address: Address
  readonly protocol: Protocol
  readonly port: number
}

export function destinationKey({ address, protocol, port }: Destination): FrontendKey {
  return frontendKey(address, protocol, port)
}

/** The destination of a key that names an address. */
export function readDestinationKey(key: FrontendKey): Destination {
  const [address = '', protocol = '', port = ''] = key.split('|')
  return { address: address as Address, protocol: protocol as Protocol, port: Number(port) }
}

/** What a set holds one of; which of the shapes follows from the set's kind. */
export type Element =
  | { readonly destination: Destination; readonly mark?: number; readonly source?: Cidr }
  | { readonly address: Address }
  | { readonly cidr: Cidr }
  | { readonly loop: Address }

export interface SetElement {
  readonly set: SetName
  readonly element: Element
}

/** The element without its mark, as ipset writes it: `10.96.0.10,tcp:80`. */
export function elementKey(element: Element): string {
  if ('destination' in element) {
    const { address, protocol, port } = element.destination
    const source = element.source === undefined ? '' : `,${element.source}`
    return `${address},${protocol.toLowerCase()}:${port}${source}`
  }
  if ('address' in element) return element.address
  if ('cidr' in element) return element.cidr
  return `${element.loop},${element.loop}`
}

/** As `ipset add` takes it. */
export function elementText(element: Element): string {
  const mark = 'destination' in element ? element.mark : undefined
  return mark === undefined ? elementKey(element) : `${elementKey(element)} skbmark 0x${mark.toString(16)}`
}
