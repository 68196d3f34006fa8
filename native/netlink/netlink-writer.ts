/**
 * Writes netlink messages and their attributes one after another into one buffer that grows and is used again. Hot: a
 * first load writes a million elements of five attributes each, so bytes are set one by one: Buffer's methods check more
 * (`portolan bench --scenario cold-start --dataplane nftables`).
 *
 * Lengths and padding follow netlink(7): everything is aligned to 4 bytes, headers are in host byte order (every
 * platform that Node runs on with these dataplanes is little-endian).
 */
export class NetlinkWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024)
  #length = 0
  #sequence = 0

  /** Bytes written since the last reset. */
  get length(): number {
    return this.#length
  }

  /** Sequence number of the message begun last; they count from 1 after a reset. */
  get sequence(): number {
    return this.#sequence
  }

  /** What has been written; valid until the next write or reset. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  reset(): void {
    this.#length = 0
    this.#sequence = 0
    // One bulk load must not hold tens of megabytes for the rest of the process's life.
    if (this.#buffer.length > 1024 * 1024) this.#buffer = Buffer.allocUnsafe(64 * 1024)
  }

  /** Makes room for so many bytes more at once: a buffer that grows leaves copies of a large load behind. */
  expect(bytes: number): void {
    this.#reserve(bytes)
  }

  /** Starts a message (struct nlmsghdr); returns what `endMessage` needs. */
  beginMessage(type: number, flags: number): number {
    this.#reserve(16)
    const start = this.#length
    this.#buffer.writeUInt16LE(type, start + 4)
    this.#buffer.writeUInt16LE(flags, start + 6)
    this.#buffer.writeUInt32LE(++this.#sequence, start + 8)
    this.#buffer.writeUInt32LE(0, start + 12)
    this.#length += 16
    return start
  }

  endMessage(start: number): void {
    this.#buffer.writeUInt32LE(this.#length - start, start)
  }

  /** Sets more flags on a message that has ended. */
  addMessageFlags(start: number, flags: number): void {
    this.#buffer.writeUInt16LE(this.#buffer.readUInt16LE(start + 6) | flags, start + 6)
  }

  /** Starts an attribute (struct nlattr); nested ones carry the NLA_F_NESTED bit in their type. */
  beginAttribute(type: number): number {
    this.#reserve(4)
    const start = this.#length
    const bytes = this.#buffer
    bytes[start + 2] = type
    bytes[start + 3] = type >> 8
    this.#length = start + 4
    return start
  }

  /** Ends an attribute. @throws RangeError for one of more than 65,535 bytes, padding not counted */
  endAttribute(start: number): void {
    const length = this.#length - start
    if (length > 0xffff) throw new RangeError(`a netlink attribute of ${length} bytes is too long`)
    this.#buffer[start] = length
    this.#buffer[start + 1] = length >> 8
    this.align()
  }

  align(): void {
    if ((this.#length & 3) === 0) return
    this.#reserve(4)
    while (this.#length & 3) this.#buffer[this.#length++] = 0
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  /** In host byte order. */
  uint16(value: number): void {
    this.#reserve(2)
    this.#length = this.#buffer.writeUInt16LE(value, this.#length)
  }

  uint16BE(value: number): void {
    if (value >>> 16 !== 0) throw new RangeError(`${value} has more than 16 bits`)
    this.#reserve(2)
    const bytes = this.#buffer
    const at = this.#length
    bytes[at] = value >> 8
    bytes[at + 1] = value
    this.#length = at + 2
  }

  uint32BE(value: number): void {
    if (value >>> 0 !== value) throw new RangeError(`${value} has more than 32 bits`)
    this.#reserve(4)
    const bytes = this.#buffer
    const at = this.#length
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
    this.#length = at + 4
  }

  /** In host byte order. */
  uint32(value: number): void {
    this.#reserve(4)
    const bytes = this.#buffer
    const at = this.#length
    bytes[at] = value
    bytes[at + 1] = value >>> 8
    bytes[at + 2] = value >>> 16
    bytes[at + 3] = value >>> 24
    this.#length = at + 4
  }

  copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** A string attribute, closed by a zero byte. */
  stringAttribute(type: number, value: string): void {
    const start = this.beginAttribute(type)
    this.#reserve(Buffer.byteLength(value) + 1)
    this.#length += this.#buffer.write(value, this.#length)
    this.uint8(0)
    this.endAttribute(start)
  }

  uint8Attribute(type: number, value: number): void {
    const start = this.beginAttribute(type)
    this.uint8(value)
    this.endAttribute(start)
  }

  uint32BEAttribute(type: number, value: number): void {
    const start = this.beginAttribute(type)
    this.uint32BE(value)
    this.endAttribute(start)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes + 4
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** Marks an attribute as nested (NLA_F_NESTED). */
export const nested = 0x8000
