import { type Address, addressBytes, formatBytes, type IpFamily } from '@portolan/core'

/** Writes an address as the maps have it: 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export function writeAddress(address: Address, into: Buffer, at: number): void {
  // By hand: a cluster's load has half a million of them, and an array for each costs more than the system calls.
  let value = 0
  let octet = at + 12
  for (let index = 0; index < address.length; index++) {
    const code = address.charCodeAt(index)
    if (code === colon) {
      into.fill(0, at + 12, at + 16)
      into.set(addressBytes(address), at)
      return
    }
    if (code === dot) {
      into[octet++] = value
      value = 0
    } else value = value * 10 + code - digitZero
  }
  into[octet] = value
  writeFamilyPrefix('IPv4', into, at)
}

const [dot, digitZero, colon] = [0x2e, 0x30, 0x3a]

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
