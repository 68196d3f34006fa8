import { markTag, markTagMask } from '../layout/marks.ts'

/** The bits of a mark that rules read, and that no virtual server's mark may have. */
export interface MarkBits {
  readonly masquerade: number
  readonly route: number
}

/** What has a virtual server by mark: one list of endpoints of one route, `namespace/name:port/TCP local`. */
export type MarkOwner = string

/** Proposed changes of who has which mark. */
export class MarkChange {
  /** A mark that an owner gets, or `undefined` for one that it gives back. */
  readonly byOwner = new Map<MarkOwner, number | undefined>()
  readonly #owners = new Map<number, MarkOwner>()
  /** Where the search for the next free mark goes on; `undefined`: where that of the change before ended. */
  next: number | undefined

  give(owner: MarkOwner, mark: number): void {
    this.byOwner.set(owner, mark)
    this.#owners.set(mark, owner)
  }

  giveBack(owner: MarkOwner): void {
    this.byOwner.set(owner, undefined)
  }

  /** Who gets a mark by this change. */
  ownerOf(mark: number): MarkOwner | undefined {
    return this.#owners.get(mark)
  }
}

/** Which marks are given to whom. Proposing changes nothing; only what was applied is committed. */
export class MarkNumbers {
  readonly #bits: MarkBits
  readonly #byOwner = new Map<MarkOwner, number>()
  readonly #owned = new Map<number, MarkOwner>()
  /** Owned, or of a virtual server that still drains. */
  readonly #taken = new Set<number>()
  #next = 1

  constructor(bits: MarkBits) {
    this.#bits = bits
  }

  of(owner: MarkOwner): number | undefined {
    return this.#byOwner.get(owner)
  }

  /** Keeps a mark from being given: a virtual server without an owner still drains under it. */
  reserve(mark: number): void {
    this.#taken.add(mark)
  }

  release(mark: number): void {
    this.#taken.delete(mark)
  }

  isOwned(mark: number): boolean {
    return this.#owned.has(mark)
  }

  ownerOf(mark: number): MarkOwner | undefined {
    return this.#owned.get(mark)
  }

  /** Whether it is free of the bits that the rules read: not so if those were others when it was given. */
  isUsable(mark: number): boolean {
    return ((mark >>> this.#bits.masquerade) & 1) === 0 && ((mark >>> this.#bits.route) & 1) === 0
  }

  /** The owner's mark: the one it has, or the next free one, which is noted in `change`. */
  propose(owner: MarkOwner, change: MarkChange): number {
    const known = change.byOwner.get(owner) ?? this.#byOwner.get(owner)
    if (known !== undefined) return known
    let index = change.next ?? this.#next
    let mark = this.#mark(index)
    while (this.#taken.has(mark) || change.ownerOf(mark) !== undefined) {
      index = successor(index)
      mark = this.#mark(index)
    }
    change.next = successor(index)
    change.give(owner, mark)
    return mark
  }

  /** A mark that is given back stays taken until it is released: its virtual server may drain for a while. */
  commit(change: MarkChange): void {
    this.#next = change.next ?? this.#next
    for (const [owner, mark] of change.byOwner) {
      if (mark === undefined) {
        this.#owned.delete(this.#byOwner.get(owner) ?? 0)
        this.#byOwner.delete(owner)
      } else {
        this.#byOwner.set(owner, mark)
        this.#owned.set(mark, owner)
        this.#taken.add(mark)
      }
    }
  }

  /** A number as a mark: its bits in the places that the rules leave free. */
  #mark(index: number): number {
    const used = ((1 << this.#bits.masquerade) | (1 << this.#bits.route) | markTagMask) >>> 0
    let mark = markTag
    let rest = index
    for (let bit = 0; bit < 32 && rest > 0; bit++) {
      if ((used >>> bit) & 1) continue
      if (rest & 1) mark += 2 ** bit
      rest >>>= 1
    }
    return mark
  }
}

const maxMarks = 2 ** 22

function successor(index: number): number {
  return (index % (maxMarks - 1)) + 1
}

/** Whether a mark is of a kind that only we give. */
export function isOurMark(mark: number): boolean {
  return (mark & markTagMask) >>> 0 === markTag
}
