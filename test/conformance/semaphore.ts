/** Lets so many through at once; the others wait in line. */
export class Semaphore {
  readonly #line: (() => void)[] = []
  #free: number

  constructor(places: number) {
    this.#free = places
  }

  async run<Result>(act: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#line.push(resolve))
    try {
      return await act()
    } finally {
      const next = this.#line.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
