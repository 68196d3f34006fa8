import { gapMark } from './conformance/gap-mark.ts'
import { realTitle } from './real-api-server/real-title.ts'

interface Failure {
  readonly name: string
  readonly details: string[]
}

/** Of each failure, at the end. */
const maxLines = 20

/** What ava's TAP output says, counted as it comes. */
export class TapResults {
  #passed = 0
  #gaps = 0
  #skipped = 0
  #againstRealApiServer = 0
  #failures: Failure[] = []
  /** What test files wrote about themselves to standard error, by file: why one ended, for instance. */
  readonly #words = new Map<string, string[]>()
  readonly #print: (line: string) => void
  /** Inside the YAML block in which ava tells what went wrong. */
  #inDetails = false

  /** @param print gets each failure as it comes, with its details, and what tests log */
  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** Names of what failed. */
  get failures(): readonly string[] {
    return this.#failures.map(({ name }) => name)
  }

  get isEmpty(): boolean {
    return this.#passed + this.#gaps + this.#skipped + this.#failures.length === 0
  }

  /** How many tests ran against the real API server, passed or failed. */
  get againstRealApiServer(): number {
    return this.#againstRealApiServer
  }

  get progress(): string {
    return `${this.#passed} passed, ${this.#failures.length} failed`
  }

  /** Something failed that is no test. */
  fail(what: string): void {
    this.#failures.push({ name: what, details: [] })
  }

  /** Takes failures back that turned out to be none. */
  withdraw(isNone: (failure: string) => boolean): void {
    this.#failures = this.#failures.filter(({ name }) => !isNone(name))
  }

  /** Takes one line; true when it tells of a test that passed. */
  read(line: string): boolean {
    const result = /^(ok|not ok) \d+ - (.*)$/.exec(line)
    if (result !== null) {
      const [, verdict, name = ''] = result
      const ran = !/# (SKIP|TODO)/i.test(name)
      if (ran && name.includes(realTitle)) this.#againstRealApiServer += 1
      // What is still to be written is `not ok` in TAP, and no failure.
      if (verdict === 'not ok' && ran) {
        this.#failures.push({ name, details: [] })
        this.#print('')
        this.#print(`✘ ${name}`)
        return false
      }
      if (!ran) this.#skipped += 1
      else if (name.endsWith(gapMark)) this.#gaps += 1
      else this.#passed += 1
      return true
    }
    if (line.trim() === '---') this.#inDetails = true
    else if (line.trim() === '...') this.#inDetails = false
    else if (this.#inDetails) {
      this.#failures.at(-1)?.details.push(line)
      this.#print(line)
    } else if (/^\s*# {3}/.test(line)) this.#print(line.replace(/^\s*# {3}/, ''))
    return false
  }

  /** Takes one line of standard error, and keeps it for the end when it begins with the name of a test file. */
  readError(line: string): void {
    const [, file] = /^(\S+\.test\.ts)[ :]/.exec(line) ?? []
    if (file !== undefined) this.#words.set(file, [...(this.#words.get(file) ?? []), line])
  }

  /**
   * All that failed, with the first lines of why, since there are thousands of lines between; then one line for people,
   * and one that a program reads: numbers of tests that proved what they say, that failed, and that didn't run. A
   * declared gap passes and proves nothing, so the last line leaves it out.
   */
  closingLines(): readonly string[] {
    const failed = this.#failures.length
    return [
      '',
      ...this.#failures.flatMap((failure) => [`✘ ${failure.name}`, ...this.#why(failure)]),
      `${this.#passed} passed (${this.#gaps} declared gaps), ${failed} failed, ${this.#skipped} skipped`,
      `${this.#passed} passed, ${failed} failed, ${this.#skipped} skipped`,
    ]
  }

  #why({ name, details }: Failure): readonly string[] {
    const [file = ''] = name.split(' ')
    const lines = [...details, ...(this.#words.get(file) ?? []).map((line) => `  ${line}`)]
    return lines.slice(0, maxLines)
  }
}
