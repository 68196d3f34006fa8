import { NetlinkProtocolError } from './netlink-protocol-error.ts'

/** One message as received: the payload begins after struct nlmsghdr. */
export interface NetlinkMessage {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** Of an answer: the number of the socket that asked (nlmsg_pid). */
  readonly portId: number
  readonly payload: Buffer
}

/** The message at an offset of a datagram; `undefined`: there is no whole one. */
export function readMessage(datagram: Buffer, offset: number): NetlinkMessage | undefined {
  if (offset + 16 > datagram.length) return undefined
  const length = datagram.readUInt32LE(offset)
  if (length < 16 || offset + length > datagram.length) return undefined
  return {
    type: datagram.readUInt16LE(offset + 4),
    flags: datagram.readUInt16LE(offset + 6),
    sequence: datagram.readUInt32LE(offset + 8),
    portId: datagram.readUInt32LE(offset + 12),
    payload: datagram.subarray(offset + 16, offset + length),
  }
}

/** The messages in one datagram, up to its end or the first that isn't whole. */
export function* readMessages(datagram: Buffer): Generator<NetlinkMessage> {
  for (let offset = 0; ; ) {
    const message = readMessage(datagram, offset)
    if (message === undefined) return
    yield message
    offset += (16 + message.payload.length + 3) & ~3
  }
}

/** The attributes in a buffer, by type without its flag bits. */
export function* readAttributes(bytes: Buffer): Generator<{ readonly type: number; readonly value: Buffer }> {
  let offset = 0
  while (offset + 4 <= bytes.length) {
    const length = bytes.readUInt16LE(offset)
    if (length < 4 || offset + length > bytes.length) return
    yield {
      type: bytes.readUInt16LE(offset + 2) & 0x3fff,
      value: bytes.subarray(offset + 4, offset + length),
    }
    offset += (length + 3) & ~3
  }
}

/** The value of the first attribute of a type. */
export function findAttribute(bytes: Buffer, type: number): Buffer | undefined {
  for (const attribute of readAttributes(bytes)) {
    if (attribute.type === type) return attribute.value
  }
  return undefined
}

/** Numbers as attributes have them: in host byte order, or in network byte order (`BE`). */
const numbers = {
  uint8: { bytes: 1, read: (value: Buffer) => value.readUInt8(0) },
  uint16: { bytes: 2, read: (value: Buffer) => value.readUInt16LE(0) },
  uint16BE: { bytes: 2, read: (value: Buffer) => value.readUInt16BE(0) },
  uint32: { bytes: 4, read: (value: Buffer) => value.readUInt32LE(0) },
  uint32BE: { bytes: 4, read: (value: Buffer) => value.readUInt32BE(0) },
} as const

/**
 * The number in the first attribute of a type; `undefined`: there is none.
 *
 * @throws NetlinkProtocolError for one that is too short to hold it
 */
export function findNumber(bytes: Buffer, type: number, kind: keyof typeof numbers): number | undefined {
  const value = findAttribute(bytes, type)
  return value === undefined ? undefined : readNumber(value, type, kind)
}

/** The number in the value of an attribute. @throws NetlinkProtocolError as {@link findNumber} does */
export function readNumber(value: Buffer, type: number, kind: keyof typeof numbers): number {
  const { bytes, read } = numbers[kind]
  if (value.length >= bytes) return read(value)
  throw new NetlinkProtocolError(
    'NETLINK_MALFORMED',
    `attribute ${type} has ${value.length} bytes instead of ${bytes}`,
  )
}

/** An acknowledgement or error (NLMSG_ERROR); `errno` 0 means done. */
export interface NetlinkAck {
  readonly sequence: number
  readonly errno: number
  /** The kernel's own words (extended ACK), where it has any. */
  readonly message: string | undefined
  /** Offset of the offending attribute from the start of the message, where the kernel tells. */
  readonly attributeOffset: number | undefined
}

/** NLMSG_*; `nothing` is NLMSG_NOOP. */
export const messageType = { nothing: 1, error: 2, done: 3, overrun: 4 } as const
export const messageFlag = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  exclusive: 0x200,
  create: 0x400,
  /** On a dump's reply: it was interrupted by a change and may be inconsistent. */
  dumpInterrupted: 0x10,
  /** On an acknowledgement or a dump's end: attributes follow (NLM_F_ACK_TLVS). */
  ackAttributes: 0x200,
} as const

/**
 * Reads the payload of NLMSG_DONE, the end of a dump: an error there cut it off, and what came before is not all. Kernels
 * put nothing into it, or the errno and, behind the flag, attributes.
 */
export function readDone(message: Omit<NetlinkMessage, 'portId'>): NetlinkAck {
  const { payload, sequence } = message
  const attributes = message.flags & messageFlag.ackAttributes ? payload.subarray(4) : Buffer.alloc(0)
  return {
    sequence,
    errno: payload.length < 4 ? 0 : Math.max(0, -payload.readInt32LE(0)),
    ...readExtendedAck(attributes),
  }
}

/** Reads the payload of NLMSG_ERROR as sent to a socket with NETLINK_CAP_ACK and NETLINK_EXT_ACK. */
export function readAck(message: Pick<NetlinkMessage, 'sequence' | 'payload'>): NetlinkAck {
  const { payload, sequence } = message
  return { sequence, errno: -payload.readInt32LE(0), ...readExtendedAck(payload.subarray(4 + 16)) }
}

function readExtendedAck(attributes: Buffer): Pick<NetlinkAck, 'message' | 'attributeOffset'> {
  const text = findAttribute(attributes, 1)
  return {
    message: text?.toString('utf8').replace(/\0.*$/s, ''),
    attributeOffset: findNumber(attributes, 2, 'uint32'),
  }
}
