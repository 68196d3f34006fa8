import {
  type Address,
  addressBytes,
  type Cidr,
  formatBytes,
  type IpFamily,
  protocolNumber,
  protocolOfNumber,
  splitCidr,
} from '@portolan/core'
import type { NetlinkWriter } from '@portolan/native'
import {
  type IpsetElement,
  type IpsetType,
  isIpsetOfType,
  readIpsetElements,
  writeIpsetCreate,
  writeIpsetElement,
} from '@portolan/native/netfilter'
import type { Element } from '../layout/element.ts'
import {
  declarationOf,
  type ElementKind,
  kernelName,
  maxElements,
  type SetName,
  setTypes,
} from '../layout/sets.ts'

/** This dataplane's sets and elements in ipset's messages. */

export function writeElement(
  writer: NetlinkWriter,
  family: IpFamily,
  command: number,
  set: SetName,
  element: Element,
): void {
  writeIpsetElement(writer, family, command, kernelName(family, set), fieldsOf(element))
}

function fieldsOf(element: Element): IpsetElement {
  if ('address' in element) return { address: addressBytes(element.address) }
  if ('cidr' in element) return rangeOf(element.cidr)
  if ('loop' in element) {
    const address = addressBytes(element.loop)
    return { address, second: { address } }
  }
  const { destination, source, mark } = element
  return {
    address: addressBytes(destination.address),
    protocol: protocolNumber[destination.protocol],
    port: destination.port,
    ...(source === undefined ? {} : { second: rangeOf(source) }),
    ...(mark === undefined ? {} : { mark }),
  }
}

function rangeOf(cidr: Cidr): { readonly address: Uint8Array; readonly prefixLength: number } {
  const { address, prefixLength } = splitCidr(cidr)
  return { address: addressBytes(address), prefixLength }
}

/** @param revision of the set's type, from `readIpsetRevision` */
export function writeCreate(writer: NetlinkWriter, family: IpFamily, set: SetName, revision: number): void {
  const { kind } = declarationOf(set)
  writeIpsetCreate(writer, family, kernelName(family, set), typeOf(kind), revision)
}

/** See {@link isIpsetOfType}: a set of another type is of another version of ours, or another tool's. */
export function isDeclaredAs(payload: Buffer, family: IpFamily, kind: ElementKind): boolean | undefined {
  return isIpsetOfType(payload, family, typeOf(kind))
}

function typeOf(kind: ElementKind): IpsetType {
  return { name: setTypes[kind], maxElements, marks: kind === 'destination-mark' }
}

/** The elements in one message of a listing. */
export function* readElements(payload: Buffer, family: IpFamily, kind: ElementKind): Generator<Element> {
  for (const fields of readIpsetElements(payload, family)) {
    const element = elementOf(fields, family, kind)
    if (element !== undefined) yield element
  }
}

function elementOf(
  { address: bytes, prefixLength, protocol: number, port = 0, second, mark = 0 }: IpsetElement,
  family: IpFamily,
  kind: ElementKind,
): Element | undefined {
  const address = formatBytes(bytes)
  const longest = family === 'IPv4' ? 32 : 128
  switch (kind) {
    case 'address':
      return { address }
    case 'cidr':
      return { cidr: cidrOf(address, prefixLength ?? longest) }
    case 'loop':
      // Something else than an address to itself is nothing of ours; named so that it is taken out.
      return second !== undefined && formatBytes(second.address) === address ? { loop: address } : { address }
    default:
  }
  const protocol = protocolOfNumber(number)
  if (protocol === undefined) return undefined
  const destination = { address, protocol, port }
  if (kind === 'destination') return { destination }
  if (kind === 'destination-mark') return { destination, mark }
  if (second === undefined) return undefined
  return {
    destination,
    source: cidrOf(formatBytes(second.address), second.prefixLength ?? longest),
  }
}

function cidrOf(address: Address, prefixLength: number): Cidr {
  return `${address}/${prefixLength}` as Cidr
}
