import { callInBackground, memoryAddress } from '../libc.ts'

/** sizeof(struct mmsghdr), sizeof(struct iovec), and where their members are, on 64 bits. */
const header = { bytes: 64, vector: 16, vectors: 24, length: 56 }
const vector = { bytes: 16, base: 0, length: 8 }
/** MSG_TRUNC: tell a datagram's true length. MSG_WAITFORONE: take what is there once one has come. */
const flags = 0x20 | 0x10000

/**
 * Room for several datagrams that one system call receives in another thread: to go there and back costs some ten
 * microseconds, as much as the kernel takes for a quarter of a datagram.
 */
export class DatagramBatch {
  readonly #datagrams: readonly Buffer[]
  readonly #headers: Buffer
  /** The headers point to them. */
  readonly #vectors: Buffer

  constructor(count: number, datagramBytes: number) {
    const room = Buffer.allocUnsafeSlow(count * datagramBytes)
    const datagrams: Buffer[] = []
    this.#headers = Buffer.alloc(count * header.bytes)
    this.#vectors = Buffer.alloc(count * vector.bytes)
    const [roomAt, vectorsAt] = [memoryAddress(room), memoryAddress(this.#vectors)]
    for (let index = 0; index < count; index++) {
      const offset = index * datagramBytes
      datagrams.push(room.subarray(offset, offset + datagramBytes))
      const at = index * vector.bytes
      this.#vectors.writeBigUInt64LE(roomAt + BigInt(offset), at + vector.base)
      this.#vectors.writeBigUInt64LE(BigInt(datagramBytes), at + vector.length)
      this.#headers.writeBigUInt64LE(vectorsAt + BigInt(at), index * header.bytes + header.vector)
      this.#headers.writeBigUInt64LE(1n, index * header.bytes + header.vectors)
    }
    this.#datagrams = datagrams
  }

  /**
   * Waits for one datagram, and takes the others that are there.
   *
   * @returns how many it has, or a negative number: none has come in the socket's time
   */
  receive(fd: number): Promise<number> {
    return callInBackground('recvmmsg', fd, this.#headers, this.#datagrams.length, flags, null)
  }

  /** A datagram's room, valid until the next `receive`, and its true length, which may be more than the room's. */
  at(index: number): { readonly datagram: Buffer; readonly length: number } {
    const datagram = this.#datagrams[index]
    if (datagram === undefined) throw new RangeError(`no datagram ${index}`)
    return { datagram, length: this.#headers.readUInt32LE(index * header.bytes + header.length) }
  }
}
