/** An AbortController that aborts with its parent as well, and when it is disposed of. */
export class ChildAbort extends AbortController implements Disposable {
  readonly #parent: AbortSignal
  readonly #follow = () => this.abort(this.#parent.reason)

  constructor(parent: AbortSignal) {
    super()
    this.#parent = parent
    if (parent.aborted) this.#follow()
    else parent.addEventListener('abort', this.#follow, { once: true })
  }

  /** What an operation failed by: the reason it was aborted for, or else what it threw. */
  reasonOf(error: unknown): unknown {
    return this.signal.aborted ? this.signal.reason : error
  }

  /** From now on it doesn't follow its parent, which may live for long. */
  detach(): void {
    this.#parent.removeEventListener('abort', this.#follow)
  }

  [Symbol.dispose](): void {
    this.detach()
    this.abort()
  }
}
