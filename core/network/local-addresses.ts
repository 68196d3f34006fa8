import type { NetworkInterfaceInfo } from 'node:os'
import { type Address, parseAddress } from './address.ts'

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/**
 * All addresses of this network namespace's interfaces, loopback's too. `os.networkInterfaces` lists only those that
 * are up and have a carrier; a packet can neither come from nor go to the others.
 */
export function localAddresses(interfaces: Interfaces): Set<Address> {
  const addresses = new Set<Address>()
  for (const infos of Object.values(interfaces)) {
    for (const { address: text } of infos ?? []) {
      // A link-local address may carry its zone: fe80::1%eth0.
      const address = parseAddress(text.split('%')[0] ?? '')
      if (address !== undefined) addresses.add(address)
    }
  }
  return addresses
}

export interface AddressWatch {
  /** Reads them now, and tells when they changed. */
  check(): void
  stop(): void
}

/**
 * Reports the node's addresses at once, and again whenever they changed. It polls: every `period` milliseconds one
 * netlink dump of a few addresses, well under a millisecond.
 *
 * When `read` throws (the kernel is out of memory or file descriptors), the addresses known so far stay; `onFailure` is
 * told the first of a row of failures, and `onRecovery` that reading works again.
 */
export function watchLocalAddresses(
  onChange: (addresses: ReadonlySet<Address>) => void,
  options: {
    readonly read: () => Interfaces
    readonly period: number
    readonly onFailure: (error: unknown) => void
    readonly onRecovery: () => void
  },
): AddressWatch {
  let known = ''
  let failing = false
  const check = (): void => {
    let addresses: Set<Address>
    try {
      addresses = localAddresses(options.read())
    } catch (error) {
      if (!failing) options.onFailure(error)
      failing = true
      return
    }
    if (failing) options.onRecovery()
    failing = false
    const text = [...addresses].sort().join(' ')
    if (text === known) return
    known = text
    onChange(addresses)
  }
  check()
  const timer = setInterval(check, options.period)
  // The watch alone is no reason for the process to live.
  timer.unref()
  return { check, stop: () => clearInterval(timer) }
}
