/** What a body is collected in. One for many bodies, so that reading a large list leaves no megabytes behind for each page. */
export class BodyBuffer {
  #bytes = Buffer.allocUnsafeSlow(64 << 10)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Until it is cleared. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, length))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    piece.copy(this.#bytes, this.#length)
    this.#length = length
  }
}
