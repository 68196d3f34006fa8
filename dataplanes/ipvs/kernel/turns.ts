/** Lets acts on one thing happen one after the other, in the order in which they were asked for. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<Result>(thing: string, act: () => Promise<Result>): Promise<Result> {
    const turn = (this.#last.get(thing) ?? Promise.resolve()).then(act)
    this.#last.set(
      thing,
      turn.catch(() => {}),
    )
    return turn
  }
}
