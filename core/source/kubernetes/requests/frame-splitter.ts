import { ApiError } from '../connection/api-error.ts'

/** Before each frame its length: 32 bits, the highest first. */
const headBytes = 4

/** Cuts a stream of chunks into frames, as a watch in protobuf has them. */
export class FrameSplitter {
  readonly #limitBytes: number
  #rest: Buffer[] = []
  #restBytes = 0
  #restSince = 0
  /** How many bytes the rest has to have before it is worth looking at. */
  #wantedBytes = headBytes

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** Whether the stream stands in the middle of a frame: if it ends here, the frame was cut off. */
  get midFrame(): boolean {
    return this.#restBytes > 0
  }

  /**
   * Calls `onFrame` for every frame that the chunk completes, with the time at which the frame's first byte arrived.
   * Throws {@link ApiError} `API_PROTOBUF` for a frame over the limit.
   */
  push(chunk: Buffer, receivedAt: number, onFrame: (frame: Buffer, receivedAt: number) => void): void {
    let bytes = chunk
    let since = receivedAt
    if (this.#restBytes > 0) {
      if (this.#restBytes + chunk.length < this.#wantedBytes) {
        this.#keep(chunk, this.#restSince)
        return
      }
      bytes = Buffer.concat([...this.#rest, chunk])
      since = this.#restSince
      this.#rest = []
      this.#restBytes = 0
    }
    let start = 0
    while (bytes.length - start >= headBytes) {
      const end = start + headBytes + this.#lengthAt(bytes, start)
      if (end > bytes.length) {
        this.#wantedBytes = end - start
        this.#keep(bytes.subarray(start), since)
        return
      }
      onFrame(bytes.subarray(start + headBytes, end), since)
      start = end
      // What follows came with this chunk.
      since = receivedAt
    }
    this.#wantedBytes = headBytes
    if (start < bytes.length) this.#keep(bytes.subarray(start), since)
  }

  #lengthAt(bytes: Buffer, start: number): number {
    const length = bytes.readUInt32BE(start)
    if (length <= this.#limitBytes) return length
    throw new ApiError(
      'API_PROTOBUF',
      `an event of the watch says that it has ${length} bytes: no Kubernetes object can have as many`,
    )
  }

  #keep(rest: Buffer, since: number): void {
    this.#restSince = since
    this.#rest.push(rest)
    this.#restBytes += rest.length
  }
}
