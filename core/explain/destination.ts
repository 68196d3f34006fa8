import { type Address, parseAddress } from '../network/address.ts'
import { type Protocol, protocols } from '../network/protocol.ts'
import { invalid } from './question-error.ts'

/** Where a packet goes, as the operator writes it. */
export interface Destination {
  /** Absent: the node itself, at an address where NodePorts answer. */
  readonly address?: Address
  readonly port: number
  readonly protocol: Protocol
}

const fix = 'write it as 10.96.0.10:80, 10.96.0.53:53/UDP, [fd00:10:96::10]:80 or node:30080'

/**
 * Reads `IP:PORT/PROTO`, `[IPv6]:PORT/PROTO` or `node:PORT/PROTO`. The protocol is TCP when it isn't named.
 *
 * @throws {QuestionError} saying what is wrong with it.
 */
export function parseDestination(text: string): Destination {
  const match = /^(?:\[(?<six>[^\]]*)\]|(?<four>[^:[\]]*)):(?<port>\d+)(?:\/(?<protocol>\w+))?$/.exec(text)
  if (match?.groups === undefined) {
    const bare = parseAddress(text.split('/')[0] ?? '')
    if (bare !== undefined && text.includes(':')) {
      throw invalid(`to '${text}': an IPv6 address needs brackets and a port`, fix)
    }
    throw invalid(`to '${text}': not a destination`, bare === undefined ? fix : `it needs a port; ${fix}`)
  }
  const { six, four, port: portText, protocol: protocolText = 'TCP' } = match.groups
  const protocol = protocols.find((known) => known === protocolText.toUpperCase())
  if (protocol === undefined) {
    throw invalid(`to '${text}': unknown protocol '${protocolText}'`, `one of ${protocols.join(', ')}`)
  }
  const port = Number(portText)
  if (!(port >= 1 && port <= 65_535)) throw invalid(`to '${text}': a port is a number from 1 to 65535`, fix)
  if (four?.toLowerCase() === 'node') return { port, protocol }
  const address = parseAddress(six ?? four ?? '')
  if (address === undefined || address.includes(':') !== (six !== undefined)) {
    throw invalid(`to '${text}': '${six ?? four}' is not an IP address`, fix)
  }
  return { address, port, protocol }
}
