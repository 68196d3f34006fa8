import { type Address, addressBytes, type Frontend, familyOf, type Protocol } from '@portolan/core'
import { addressRoot, portRoot } from './chain-names.ts'

/** One rule on the way to a destination: in which chain, and where it leads. */
export interface Step {
  readonly chain: string
  readonly rule: string
  readonly to: string
}

/** Bits of the destination address that each level of its tree looks at, from the lowest on. */
const addressLevels = [3, 3, 3] as const
/** Bits of the port that each level of its tree looks at, from the highest on; a leaf chain has 16 ports. */
const portLevels = [4, 4, 4] as const

/**
 * The way from the root of a tree to the chain that holds a destination's rule. It depends on the destination alone:
 * nothing is balanced or remembered. ClusterIPs are drawn at random, and other addresses differ in their last bits
 * first, so the low bits spread them evenly; NodePorts lie together, so their range is cut into pieces.
 */
export function dispatchPath({ address, port }: Frontend, protocol: Protocol): readonly Step[] {
  return address === undefined ? portPath(port, protocol) : addressPath(address)
}

function addressPath(address: Address): Step[] {
  const bytes = addressBytes(address)
  const low = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0)
  const show = familyOf(address) === 'IPv4' ? ipv4Tail : ipv6Tail
  const steps: Step[] = []
  let chain: string = addressRoot
  let bits = 0
  for (const level of addressLevels) {
    bits += level
    const mask = 2 ** bits - 1
    const value = low & mask
    const to = `${addressRoot}-${value.toString(8).padStart(bits / 3, '0')}`
    steps.push({ chain, rule: `-d ${show(value)}/${show(mask)} -g ${to}`, to })
    chain = to
  }
  return steps
}

const ipv4Tail = (value: number): string => `0.0.${value >>> 8}.${value & 255}`
const ipv6Tail = (value: number): string => (value === 0 ? '::' : `::${value.toString(16)}`)

function portPath(port: number, protocol: Protocol): Step[] {
  const steps: Step[] = []
  let chain = portRoot(protocol)
  let bits = 16
  for (const level of portLevels) {
    bits -= level
    const first = (port >>> bits) << bits
    const to = `${portRoot(protocol)}-${(port >>> bits).toString(16).padStart((16 - bits) / 4, '0')}`
    steps.push({
      chain,
      rule: `${protocolMatch(protocol)} --dport ${first}:${first + 2 ** bits - 1} -g ${to}`,
      to,
    })
    chain = to
  }
  return steps
}

export function protocolMatch(protocol: Protocol): string {
  const name = protocol.toLowerCase()
  return `-p ${name} -m ${name}`
}
