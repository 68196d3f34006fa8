import { type Address, addressBytes, formatBytes } from '@portolan/core'
import { rangeOf } from './address-range.ts'

/** A mark of a plain interval set: where an interval begins, or the first address after one. */
export interface Edge {
  readonly address: Address
  readonly end: boolean
}

/** The ranges between the marks of a plain interval set. */
export function pairEdges(edges: readonly Edge[]): string[] {
  const sorted = [...edges].sort(
    (a, b) =>
      Buffer.compare(addressBytes(a.address), addressBytes(b.address)) || Number(b.end) - Number(a.end),
  )
  const ranges: string[] = []
  let first: Address | undefined
  for (const { address, end } of sorted) {
    if (end && first !== undefined) {
      ranges.push(rangeOf(first, previous(address)))
      first = undefined
    } else if (!end) {
      first = address
    }
  }
  if (first !== undefined) ranges.push(rangeOf(first, formatBytes(addressBytes(first).map(() => 255))))
  return ranges
}

function previous(address: Address): Address {
  const bytes = addressBytes(address)
  let index = bytes.length - 1
  while (index >= 0 && bytes[index] === 0) bytes[index--] = 255
  if (index >= 0) bytes[index] = (bytes[index] ?? 0) - 1
  return formatBytes(bytes)
}
