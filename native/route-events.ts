import { call, SystemCallError } from './libc.ts'
import { inNetworkNamespace } from './network-namespace.ts'
import { whenReadable } from './when-readable.ts'

const addressFamilyNetlink = 16
const rawCloseOnExec = 3 | 0o2000000
const netlinkRoute = 0
/** Bits of the multicast groups of rtnetlink(7): RTMGRP_*. */
const group = { links: 0x1, ipv4Addresses: 0x10, ipv6Addresses: 0x100, ipv4Routes: 0x40, ipv6Routes: 0x400 }
const doNotWait = 0x40
/** More than one would need: what comes is not read but counted, and what is lost is noticed. */
const bufferBytes = 64 * 1024

export interface RouteEventsOptions {
  /** The network namespace to hear of, as a path. Absent: the caller's. */
  readonly networkNamespace?: string
  /** Routes as well as interfaces and addresses: a node that learns routes by BGP has thousands of such events. */
  readonly routes: boolean
}

/**
 * Tells that interfaces, addresses or routes of a network namespace have changed; not which, for that has to be listed
 * anyway. Where more has come than the kernel keeps (ENOBUFS), something has changed too, so nothing is missed. Needs no
 * privilege.
 */
export class RouteEvents {
  readonly #fd: number
  readonly #buffer = Buffer.alloc(bufferBytes)
  readonly #forget: () => void
  #closed = false

  /**
   * @param changed called as soon as there is something to {@link take}; it may be called without any
   * @throws SystemCallError
   */
  constructor({ networkNamespace, routes }: RouteEventsOptions, changed: () => void) {
    const make = () =>
      call('socket', 'open a netlink socket', addressFamilyNetlink, rawCloseOnExec, netlinkRoute)
    this.#fd = networkNamespace === undefined ? make() : inNetworkNamespace(networkNamespace, make)
    try {
      const address = Buffer.alloc(12)
      address.writeUInt16LE(addressFamilyNetlink, 0)
      const { links, ipv4Addresses, ipv6Addresses, ipv4Routes, ipv6Routes } = group
      const groups = links | ipv4Addresses | ipv6Addresses | (routes ? ipv4Routes | ipv6Routes : 0)
      address.writeUInt32LE(groups, 8)
      call('bind', "listen to the kernel's rtnetlink groups", this.#fd, address, address.length)
      this.#forget = whenReadable(this.#fd, changed)
    } catch (error) {
      call('close', 'close a netlink socket', this.#fd)
      throw error
    }
  }

  /** Takes all that is there, without waiting. @returns whether anything has changed since the last time */
  take(): boolean {
    if (this.#closed) return false
    for (let changed = false; ; changed = true) {
      try {
        call('recv', 'receive from netlink', this.#fd, this.#buffer, this.#buffer.length, doNotWait)
      } catch (error) {
        const code = error instanceof SystemCallError ? error.code : undefined
        if (code === 'EAGAIN') return changed
        if (code !== 'ENOBUFS' && code !== 'EINTR') throw error
      }
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#forget()
    call('close', 'close a netlink socket', this.#fd)
  }
}
