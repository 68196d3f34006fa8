/**
 * Writes protobuf from its end to its beginning, as Kubernetes' own encoder does: a message is there before its length
 * has to be written, so nothing is measured ahead or copied.
 */
export class BackwardWriter {
  #bytes = Buffer.allocUnsafe(64 << 10)
  #at = this.#bytes.length

  /** How many bytes have been written: what is written next ends where these begin. */
  get written(): number {
    return this.#bytes.length - this.#at
  }

  /** A copy of what has been written, and an empty writer. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(this.#at))
    this.#at = this.#bytes.length
    return taken
  }

  /** A whole number; a negative one takes ten bytes, as one of 64 bits. */
  varint(value: number): void {
    if (value < 0 || value > 0x7fff_ffff) {
      this.#bigVarint(BigInt.asUintN(64, BigInt(value)))
      return
    }
    const size = value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
    let at = this.#reserve(size)
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80
    this.#bytes[at] = rest
  }

  text(value: string): void {
    const at = this.#reserve(Buffer.byteLength(value))
    this.#bytes.write(value, at, 'utf8')
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#reserve(value.length))
  }

  #bigVarint(value: bigint): void {
    const groups: number[] = []
    let rest = value
    for (; rest > 0x7fn; rest >>= 7n) groups.push(Number(rest & 0x7fn) | 0x80)
    groups.push(Number(rest))
    this.bytes(Uint8Array.from(groups))
  }

  #reserve(size: number): number {
    if (size > this.#at) {
      const written = this.written
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, written + size))
      this.#bytes.copy(larger, larger.length - written, this.#at)
      this.#bytes = larger
      this.#at = larger.length - written
    }
    this.#at -= size
    return this.#at
  }
}
