import { SystemCallError } from '../libc.ts'
import type { NetlinkSocketOptions } from './netlink-channel.ts'
import { findAttribute, messageFlag, type NetlinkAck, type NetlinkMessage } from './netlink-reader.ts'
import { NetlinkSocket } from './netlink-socket.ts'
import { NetlinkWriter } from './netlink-writer.ts'

const netlinkGeneric = 16
/** The family that knows all others (linux/genetlink.h). */
const controller = { id: 16, version: 1, getFamily: 3 }
const controllerAttribute = { familyId: 1, familyName: 2 }

/** Bytes of struct genlmsghdr, which every payload begins with: command, version, and two of padding. */
export const genericHeaderBytes = 4

/** A family of generic netlink that this kernel has: its number changes from boot to boot. */
export interface GenericNetlinkFamily {
  readonly name: string
  readonly id: number
  /** Of the family's commands; what the kernel's header file calls its GENL_VERSION. */
  readonly version: number
}

/** Codes of {@link GenericNetlinkFamilyError}: when it happens, and the fix. */
export const genericNetlinkFamilyErrorCodes = {
  GENERIC_NETLINK_FAMILY_MISSING: {
    when: 'the kernel has no such generic netlink family, and no module brought it',
    fix: 'load the module (ip_vs for IPVS), or choose another dataplane',
  },
} as const

/** The kernel has no such family, and has found no module for it. */
export class GenericNetlinkFamilyError extends Error {
  readonly code: keyof typeof genericNetlinkFamilyErrorCodes = 'GENERIC_NETLINK_FAMILY_MISSING'

  constructor(name: string) {
    super(`the kernel has no generic netlink family ${name}, and no module brought it`)
    this.name = 'GenericNetlinkFamilyError'
  }
}

export type GenericNetlinkOptions = Omit<NetlinkSocketOptions, 'protocol'>

/**
 * A long-lived socket to one family of generic netlink. Asking for the family makes the kernel load its module
 * (`net-pf-16-proto-16-family-NAME`), if there is one.
 */
export class GenericNetlinkSocket {
  readonly family: GenericNetlinkFamily
  readonly #socket: NetlinkSocket

  /**
   * @param family its name and the version of its commands
   * @throws GenericNetlinkFamilyError
   * @throws SystemCallError when the socket can't be had
   */
  constructor(family: { readonly name: string; readonly version: number }, options: GenericNetlinkOptions) {
    this.#socket = new NetlinkSocket({ protocol: netlinkGeneric, ...options })
    try {
      this.family = { ...family, id: findFamily(this.#socket, family.name) }
    } catch (error) {
      this.#socket.close()
      throw error
    }
  }

  /** Starts a command in a batch; returns what the writer's `endMessage` needs. */
  beginCommand(writer: NetlinkWriter, command: number, flags: number): number {
    return beginGenericCommand(writer, this.family, command, flags)
  }

  /**
   * Sends a batch of commands, of which the last one asks for an acknowledgement. The kernel does them one by one: one
   * that it refuses does not keep it from the next.
   *
   * @returns the refusals, by sequence number; none: all was done
   */
  transact(writer: NetlinkWriter): NetlinkAck[] {
    return this.#socket.transact(writer.bytes, writer.sequence)
  }

  /** Sends a request that one message answers. @throws the error that `refused` makes of a refusal */
  ask(writer: NetlinkWriter, refused: (ack: NetlinkAck) => Error): NetlinkMessage {
    return this.#socket.ask(writer.bytes, refused)
  }

  /** Sends a dump request and yields the answers. The payloads are valid until the next step. */
  dump(writer: NetlinkWriter, refused: (ack: NetlinkAck) => Error): Generator<NetlinkMessage> {
    return this.#socket.dump(writer.bytes, refused)
  }

  close(): void {
    this.#socket.close()
  }
}

/** Starts a command of a family in a batch. */
export function beginGenericCommand(
  writer: NetlinkWriter,
  family: Pick<GenericNetlinkFamily, 'id' | 'version'>,
  command: number,
  flags: number,
): number {
  const start = writer.beginMessage(family.id, messageFlag.request | flags)
  writer.uint8(command)
  writer.uint8(family.version)
  writer.uint8(0)
  writer.uint8(0)
  return start
}

function findFamily(socket: NetlinkSocket, name: string): number {
  const writer = new NetlinkWriter()
  const start = beginGenericCommand(writer, controller, controller.getFamily, 0)
  writer.stringAttribute(controllerAttribute.familyName, name)
  writer.endMessage(start)
  const { payload } = socket.ask(writer.bytes, ({ errno }) =>
    errno === noSuchEntry
      ? new GenericNetlinkFamilyError(name)
      : new SystemCallError(`find the generic netlink family ${name}`, errno),
  )
  const id = findAttribute(payload.subarray(genericHeaderBytes), controllerAttribute.familyId)
  if (id === undefined) throw new GenericNetlinkFamilyError(name)
  return id.readUInt16LE(0)
}

const noSuchEntry = 2
