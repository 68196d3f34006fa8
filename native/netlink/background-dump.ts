import { call, callInBackground, SystemCallError } from '../libc.ts'
import { DatagramBatch } from './datagram-batch.ts'
import { type NetlinkSocketOptions, openNetlinkDescriptor } from './netlink-channel.ts'
import { NetlinkProtocolError } from './netlink-protocol-error.ts'
import { messageFlag, messageType } from './netlink-reader.ts'

const headerBytes = 16
/** No kernel's dump comes in larger datagrams, unless one message needs it. */
const datagramBytes = 32 * 1024
/** So many are read in one turn of the event loop, which takes half a millisecond. */
const datagramsAtOnce = 8

/** Takes one message: the datagram that has it, and where its payload begins and ends. Valid until it returns. */
export type TakeMessage = (datagram: Buffer, start: number, end: number) => void

export interface BackgroundDumpOptions extends NetlinkSocketOptions {
  /** What was asked for, for the message of a refusal: `list UDP flows`. */
  readonly doing: string
  /** Before each turn of the event loop in which messages are taken. */
  onTurn?(): void
  /** Ends the dump early, without an error. */
  readonly signal?: AbortSignal
}

/**
 * A dump of something that may have millions of objects. The kernel's part of the work, which may take a tenth of a second
 * for one datagram where few objects pass its filter, is done in another thread; here are read a few datagrams at a time, a
 * thousand messages. Its socket is its own.
 *
 * @param request one message with the flag `dump`
 * @returns false: it was interrupted by a change, so some objects may not have been seen, or seen twice
 * @throws SystemCallError what the kernel refused
 * @throws NetlinkProtocolError an answer that did not come, or not whole
 */
export async function dumpInBackground(
  request: Buffer,
  take: TakeMessage,
  options: BackgroundDumpOptions,
): Promise<boolean> {
  const { fd, close } = openNetlinkDescriptor(options)
  try {
    const sent = await callInBackground('send', fd, request, request.length, 0)
    // The reason for a refusal is told to the thread that asked; this one has to ask again.
    if (sent < 0) call('send', `ask to ${options.doing}`, fd, request, request.length, 0)
    const batch = new DatagramBatch(datagramsAtOnce, datagramBytes)
    let whole = true
    while (options.signal?.aborted !== true) {
      const count = await batch.receive(fd)
      if (count < 0) throw new NetlinkProtocolError('NETLINK_UNANSWERED')
      options.onTurn?.()
      for (let index = 0; index < count; index++) {
        const { datagram, length } = batch.at(index)
        if (length > datagram.length) throw new NetlinkProtocolError('NETLINK_TRUNCATED', `${length} bytes`)
        const read = readDatagram(datagram, length, take, options.doing)
        whole &&= !read.interrupted
        if (read.ended) return whole
      }
    }
    return false
  } finally {
    close()
  }
}

function readDatagram(
  datagram: Buffer,
  length: number,
  take: TakeMessage,
  doing: string,
): { readonly ended: boolean; readonly interrupted: boolean } {
  let interrupted = false
  for (let offset = 0; offset < length; ) {
    const end = offset + (offset + headerBytes <= length ? datagram.readUInt32LE(offset) : 0)
    if (end < offset + headerBytes || end > length)
      throw new NetlinkProtocolError('NETLINK_MALFORMED', `${length} bytes, wrong from ${offset} on`)
    const type = datagram.readUInt16LE(offset + 4)
    if (datagram.readUInt16LE(offset + 6) & messageFlag.dumpInterrupted) interrupted = true
    if (type === messageType.overrun) throw new NetlinkProtocolError('NETLINK_OVERRUN')
    if (type === messageType.done || type === messageType.error) {
      const errno = end - offset < headerBytes + 4 ? 0 : -datagram.readInt32LE(offset + headerBytes)
      if (errno > 0) throw new SystemCallError(doing, errno)
      return { ended: true, interrupted }
    }
    if (type !== messageType.nothing) take(datagram, offset + headerBytes, end)
    offset = (end + 3) & ~3
  }
  return { ended: false, interrupted }
}
