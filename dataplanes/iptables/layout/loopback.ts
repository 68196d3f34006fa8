import type { Address } from '@portolan/core'

/** Whether an address is in 127.0.0.0/8: the core lists one of them where NodePorts are to answer at loopback. */
export function hasLoopback(address: Address): boolean {
  return address.startsWith('127.')
}
