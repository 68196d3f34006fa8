import { type Address, type Cidr, type IpFamily, parseAddress, parseCidr } from '@portolan/core'
import type { Destination, SetElement } from '../layout/element.ts'
import { type ElementKind, maxElements, setTypes } from '../layout/sets.ts'

/** `10.96.0.10,tcp:80`, `203.0.113.10,tcp:80,10.0.0.0/8`, `10.96.0.10`, `10.96.0.0/16`, `10.1.0.2,10.1.0.2` */
export function readElement(
  text: string,
  kind: ElementKind,
  mark: string | undefined,
): SetElement['element'] | undefined {
  const [first = '', second = '', third = ''] = text.split(',')
  const address = parseAddress(first)
  if (kind === 'cidr') return { cidr: readRange(first) }
  if (address === undefined) return undefined
  if (kind === 'address') return { address }
  if (kind === 'loop') return second === first ? { loop: address } : { address }
  const [protocol = '', port = ''] = second.split(':')
  const destination = {
    address,
    protocol: protocol.toUpperCase() as Destination['protocol'],
    port: Number(port),
  }
  if (kind === 'destination') return { destination }
  if (kind === 'destination-mark') return { destination, mark: Number(mark?.split('/')[0] ?? 0) }
  return { destination, source: readRange(third) }
}

/** ipset leaves out the length of a range of one address. */
function readRange(text: string): Cidr {
  return (
    parseCidr(text.includes('/') ? text : `${text as Address}/${text.includes(':') ? 128 : 32}`) ??
    (text as Cidr)
  )
}

/** Whether a set takes our elements, by its type and options as `ipset save` tells them. */
export function isDeclaredAs(
  [type, ...options]: readonly string[],
  family: IpFamily,
  kind: ElementKind,
): boolean {
  const valueAfter = (option: string) => options[options.indexOf(option) + 1]
  return (
    type === setTypes[kind] &&
    valueAfter('family') === (family === 'IPv4' ? 'inet' : 'inet6') &&
    !options.includes('timeout') &&
    Number(valueAfter('maxelem')) >= maxElements &&
    (kind !== 'destination-mark' || options.includes('skbinfo'))
  )
}
