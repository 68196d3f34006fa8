/** A set whose members stay for as long as any holder has them: two ServiceCIDRs may name one range. */
export class CountedSet<Value> {
  readonly #values = new Set<Value>()
  /** Holders beyond the first; members with one holder, nearly all, take no place here. */
  readonly #more = new Map<Value, number>()

  get values(): ReadonlySet<Value> {
    return this.#values
  }

  /** One more holder. Whether the value is new to the set. */
  hold(value: Value): boolean {
    if (!this.#values.has(value)) {
      this.#values.add(value)
      return true
    }
    this.#more.set(value, (this.#more.get(value) ?? 0) + 1)
    return false
  }

  /** One holder less. Whether the value left the set. */
  release(value: Value): boolean {
    const more = this.#more.get(value) ?? 0
    if (more === 0) return this.#values.delete(value)
    if (more === 1) this.#more.delete(value)
    else this.#more.set(value, more - 1)
    return false
  }
}
