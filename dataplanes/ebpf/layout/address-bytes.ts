import { type Address, addressBytes, formatBytes, type IpFamily, ipv4Number } from '@portolan/core'

/** Writes an address as the maps have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function writeAddress(address: Address, into: Buffer, at: number): void {
  // Without an array: a cluster's load has half a million of them, which would cost more than the system calls.
  const value = ipv4Number(address)
  if (value === undefined) {
    into.set(addressBytes(address), at)
    return
  }
  into.writeUInt32BE(value, at + 12)
  writeFamilyPrefix('IPv4', into, at)
}

/** The address of all zeros, which keeps the families apart. */
export function writeFamilyPrefix(family: IpFamily, into: Buffer, at: number): void {
  if (family !== 'IPv4') return
  into[at + 10] = 0xff
  into[at + 11] = 0xff
}

export function familyAt(bytes: Uint8Array, at: number): IpFamily {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return 'IPv6'
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff ? 'IPv4' : 'IPv6'
}

/** An address of 16 bytes, as one of IPv4 where it is mapped. */
export function addressText(bytes: Buffer, at: number): string {
  const mapped = familyAt(bytes, at) === 'IPv4'
  return formatBytes(bytes.subarray(mapped ? at + 12 : at, at + 16))
}
