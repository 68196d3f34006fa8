/**
 * What has been delivered, as key and resourceVersion only: enough to turn a new list into the sets and removes that
 * it amounts to, at about a hundred bytes per object.
 */
export class KnownObjects {
  readonly #versions = new Map<string, string>()

  get size(): number {
    return this.#versions.size
  }

  has(key: string): boolean {
    return this.#versions.has(key)
  }

  /** Whether exactly this version of the object has been delivered. */
  holds(key: string, version: string): boolean {
    return version !== '' && this.#versions.get(key) === version
  }

  set(key: string, version: string): void {
    this.#versions.set(key, version)
  }

  delete(key: string): boolean {
    return this.#versions.delete(key)
  }

  /** Forgets the keys that a complete list didn't have, and returns them. */
  retain(listed: ReadonlySet<string>): string[] {
    const gone: string[] = []
    for (const key of this.#versions.keys()) if (!listed.has(key)) gone.push(key)
    for (const key of gone) this.#versions.delete(key)
    return gone
  }

  /**
   * Keeps the keys, but trusts no version any more. Needed when another history may be spoken of: after an etcd was
   * restored, one resourceVersion can name two different states of an object.
   */
  forgetVersions(): void {
    for (const key of this.#versions.keys()) this.#versions.set(key, '')
  }
}
