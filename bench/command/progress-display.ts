import { SingleBar } from 'cli-progress'
import type { Candidate } from '../results.ts'
import { reasonOf } from '../run/reason.ts'
import type { Progress } from '../run/run-bench.ts'

/** Where a person, or a log, looks while it runs. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** A bar on a terminal, elsewhere a line for each size of each dataplane. */
export function progressDisplay(terminal: Terminal): Progress {
  const display = terminal.isTTY === true ? new BarDisplay(terminal) : new LineDisplay(terminal)
  return {
    begin(candidates, steps) {
      for (const line of introduction(candidates)) terminal.write(`${line}\n`)
      display.begin(steps)
    },
    step: (what, scenario) => display.step(what, scenario),
    failed: (what, scenario, error) => display.say(`${what}: ${scenario} failed: ${reasonOf(error)}`),
    warned: (text) => display.say(`warning: ${text}`),
    end: () => display.end(),
  }
}

export function introduction(candidates: readonly Candidate[]): string[] {
  const usable = candidates.filter((candidate) => candidate.usable).map(({ name }) => name)
  return [
    ...(usable.length === 0 ? [] : [`measuring ${usable.join(', ')}`]),
    ...candidates
      .filter((candidate) => !candidate.usable)
      .map(({ name, reason }) => `not ${name}: ${reason}`),
  ]
}

interface Display {
  begin(steps: number): void
  step(what: string, scenario: string): void
  say(line: string): void
  end(): void
}

class BarDisplay implements Display {
  readonly #terminal: Terminal
  readonly #bar: SingleBar
  #done = -1
  #ended = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#bar = new SingleBar({
      stream: terminal as NodeJS.WritableStream,
      format: '{bar} {percentage} %  {duration_formatted}  {what}',
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
    })
  }

  begin(steps: number): void {
    this.#bar.start(steps, 0, { what: '' })
  }

  step(what: string, scenario: string): void {
    this.#done += 1
    if (this.#ended) return
    this.#bar.update(this.#done, { what: `${what}: ${scenario}` })
  }

  say(line: string): void {
    this.#terminal.write(`\r\u001b[K${line}\n`)
  }

  /** A step that is told of after it would draw the bar anew. */
  end(): void {
    this.#ended = true
    this.#bar.stop()
  }
}

class LineDisplay implements Display {
  readonly #terminal: Terminal
  readonly #begun = performance.now()
  #last = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  begin(): void {}

  step(what: string): void {
    if (what === this.#last) return
    this.#last = what
    this.say(what)
  }

  say(line: string): void {
    const seconds = Math.round((performance.now() - this.#begun) / 1000)
    this.#terminal.write(`${String(seconds).padStart(4)} s  ${line}\n`)
  }

  end(): void {}
}
