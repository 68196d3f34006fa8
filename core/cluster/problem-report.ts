import type { ObjectProblem } from './records.ts'

/** A slice of 1,000 broken endpoints is one mistake, not 1,000: so many are listed, the rest counted in one more. */
const listedProblems = 10

/** Characters of a value that a problem shows. */
const shownCharacters = 80

const none: readonly ObjectProblem[] = []

/** Gathers the problems of one object while it is parsed. Costs nothing for an object without any. */
export class ProblemReport {
  readonly #kind: string
  readonly #object: string
  #problems: ObjectProblem[] | undefined
  #unlisted = 0

  constructor(kind: string, object: string) {
    this.#kind = kind
    this.#object = object
  }

  /** This field's value can't be used; everything else of the object goes on. */
  skipValue(field: string, value: unknown, fix: string): void {
    this.#add(field, value, fix, 'value')
  }

  /** The object can't be used at all. */
  skipObject(field: string, value: unknown, fix: string): void {
    this.#add(field, value, fix, 'object')
  }

  get problems(): readonly ObjectProblem[] {
    if (this.#problems === undefined) return none
    if (this.#unlisted === 0) return this.#problems
    const last = this.#problems.at(-1)
    const more: ObjectProblem = {
      kind: this.#kind,
      object: this.#object,
      field: 'and more',
      value: String(this.#unlisted),
      fix: `has ${this.#unlisted} more such problems, the last ones not listed; fix those above first`,
      skipped: last?.skipped ?? 'value',
    }
    return [...this.#problems, more]
  }

  #add(field: string, value: unknown, fix: string, skipped: 'object' | 'value'): void {
    this.#problems ??= []
    if (this.#problems.length >= listedProblems && skipped === 'value') {
      this.#unlisted++
      return
    }
    this.#problems.push({
      kind: this.#kind,
      object: this.#object,
      field,
      value: shownValue(value),
      fix,
      skipped,
    })
  }
}

/**
 * A value from the cluster as one short line that is safe on a terminal and in a log: JSON, at most 80 characters, no
 * control or text-direction characters.
 */
export function shownValue(value: unknown): string {
  return shortened(asJson(typeof value === 'string' ? value.slice(0, 2 * shownCharacters) : value))
}

/** Plain text of unknown origin (a name, a kind) made just as safe, without the quotes. */
export function shownName(text: string, characters = 2 * shownCharacters): string {
  return shortened(text.slice(0, 2 * characters), characters)
}

/** Control and format characters: escape sequences, line breaks, text direction, zero width. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

function shortened(text: string, characters = shownCharacters): string {
  const safe = text.replace(unsafe, '\ufffd').toWellFormed()
  return safe.length <= characters ? safe : `${safe.slice(0, characters - 1).toWellFormed()}…`
}

/** A value that isn't plain JSON (a cycle of YAML aliases, a depth that exhausts the stack) is named by its type. */
function asJson(value: unknown): string {
  if (value === undefined) return 'nothing'
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return Array.isArray(value) ? 'a list' : `a ${typeof value}`
  }
}
