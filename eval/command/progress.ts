import { count, type Part, type PartName } from '../scorecard.ts'

/** Where a person, or a log, looks while it runs. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Display {
  step(part: PartName, what: string): void
  part(part: Part): void
  end(): void
}

/** Milliseconds after which somebody who reads a log would like to know what is going on. */
const silenceMs = 20_000

/**
 * On a terminal one line that changes; above it, and elsewhere, a line for each part that is done and each row that fails.
 * Where nothing changes on the spot, a line now and then says what is being asked.
 */
export function display(terminal: Terminal, dataplane: string): Display {
  const begun = performance.now()
  const isLive = terminal.isTTY === true
  const clear = isLive ? '\r\u001b[K' : ''
  let last = begun
  const say = (line: string): void => {
    last = performance.now()
    const seconds = String(Math.round((last - begun) / 1000)).padStart(4)
    terminal.write(`${clear}${seconds} s  ${dataplane}: ${plain(line)}\n`)
  }
  return {
    step(part, what) {
      if (what.startsWith('✘')) say(`${part}: ${what}`)
      else if (isLive)
        terminal.write(
          `${clear}${plain(`${dataplane}: ${part}: ${what}`).slice(0, (terminal.columns ?? 80) - 1)}`,
        )
      else if (performance.now() - last > silenceMs) say(`${part}: ${what}`)
    },
    part(part) {
      if (part.outcome === 'left out') return
      const failed = count(part.checks, 'failed')
      const passed = count(part.checks, 'passed')
      say(
        part.outcome === 'not reached'
          ? `${part.name}: not reached`
          : `${part.name}: ${passed} passed, ${failed} failed, in ${part.seconds} s`,
      )
    },
    end() {
      terminal.write(clear)
    },
  }
}

/** What a dataplane says can't move the cursor. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
