import type { Lab, Overheard } from '@portolan/lab'

/** What the servers of one lab have seen and no play has asked for yet. */
export class Ledger {
  readonly #lab: Lab
  #kept: Overheard[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(lab: Lab) {
    this.#lab = lab
  }

  /** What the tags that begin so are about: questions, and answers that were led to a server. */
  take(prefix: string): Promise<readonly Overheard[]> {
    const taken = this.#last.then(async () => {
      for (const seen of await Promise.all(this.#lab.hosts.map((host) => host.takeOverheard())))
        this.#kept.push(...seen)
      const [mine, others] = [true, false].map((wanted) =>
        this.#kept.filter(({ tag }) => tag.replace('the answer to ', '').startsWith(prefix) === wanted),
      ) as [Overheard[], Overheard[]]
      this.#kept = others
      return mine
    })
    this.#last = taken.catch(() => {})
    return taken
  }
}
