import { textOfAscii } from './word-cache.ts'

/** Bytes that are no protobuf, or not what the API's messages are made of. */
export class WireError extends Error {
  readonly what: string
  /** `ports[2].port` */
  readonly path: string

  constructor(what: string, path = '') {
    super(path === '' ? what : `${path}: ${what}`)
    this.what = what
    this.path = path
  }

  /** The same of the message that this one is a part of. */
  within(field: string): WireError {
    return new WireError(this.what, this.path === '' ? field : `${field}.${this.path}`)
  }
}

/** How the value of a field is written: its tag's last three bits. */
export const wireTypes = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const

/**
 * Reads protobuf from bytes without making anything of what isn't asked for. Hot: a start reads hundreds of megabytes of
 * the largest clusters (`portolan bench --scenario cold-start` measures it). Why it's no reader of npm's is in
 * docs/decisions.md.
 *
 * Every method throws {@link WireError}.
 */
export class WireReader {
  readonly bytes: Buffer
  /** Where the next byte is read. */
  position = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  /** The lower 32 bits of a number, as a signed one: what a negative int32 has above them only repeats its sign. */
  int32(): number {
    const { bytes } = this
    let position = this.position
    const end = bytes.length
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (position >= end) throw new WireError('ends in the middle of a number')
      const byte = bytes[position++] as number
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.position = position
        return value
      }
    }
    throw new WireError('has a number of more than ten bytes')
  }

  /** A signed number of 64 bits; beyond 2^53 not to the last digit. */
  int64(): number {
    // Moments, which every object has, take five bytes.
    let small = 0
    for (let index = 0, scale = 1; index < 7; index++, scale *= 128) {
      const byte = this.bytes[this.position + index]
      if (byte === undefined) break
      small += (byte & 0x7f) * scale
      if (byte < 0x80) {
        this.position += index + 1
        return small
      }
    }
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.position++]
      if (byte === undefined) throw new WireError('ends in the middle of a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return Number(BigInt.asIntN(64, value))
    }
    throw new WireError('has a number of more than ten bytes')
  }

  /** Reads a length, and returns where what has it ends. */
  delimited(): number {
    const { bytes } = this
    const first = bytes[this.position]
    let length = first as number
    // Nearly every length takes one byte.
    if (first !== undefined && first < 0x80) this.position++
    else length = this.int32()
    const end = this.position + length
    if (length < 0 || end > bytes.length) throw new WireError('is cut off')
    return end
  }

  /** That nothing was read beyond here, where what holds it ends. */
  expectWithin(end: number): void {
    if (this.position > end) throw new WireError('goes on beyond the end of what holds it')
  }

  /** Text, of which an equal one is likely to have been read before. */
  word(): string {
    const end = this.delimited()
    const begin = this.position
    this.position = end
    return textOfAscii(this.bytes, begin, end) ?? this.bytes.toString('utf8', begin, end)
  }

  text(): string {
    const end = this.delimited()
    const text = this.bytes.toString('utf8', this.position, end)
    this.position = end
    return text
  }

  /** Passes over the value of a field. */
  skip(wireType: number): void {
    switch (wireType) {
      case wireTypes.length:
        this.position = this.delimited()
        return
      case wireTypes.varint:
        this.int32()
        return
      case wireTypes.fixed64:
        this.#pass(8)
        return
      case wireTypes.fixed32:
        this.#pass(4)
        return
      default:
        throw new WireError(`has the wire type ${wireType}, which the API doesn't use`)
    }
  }

  #pass(count: number): void {
    this.position += count
    if (this.position > this.bytes.length) throw new WireError('is cut off')
  }
}
