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

/** On a terminal one line that changes, above it a line for each part that is done and each row that fails. */
export function display(terminal: Terminal, dataplane: string): Display {
  const begun = performance.now()
  const isLive = terminal.isTTY === true
  const clear = isLive ? '\r\u001b[K' : ''
  const say = (line: string): void => {
    const seconds = String(Math.round((performance.now() - begun) / 1000)).padStart(4)
    terminal.write(`${clear}${seconds} s  ${dataplane}: ${plain(line)}\n`)
  }
  return {
    step(part, what) {
      if (what.startsWith('✘')) say(`${part}: ${what}`)
      else if (isLive)
        terminal.write(
          `${clear}${plain(`${dataplane}: ${part}: ${what}`).slice(0, (terminal.columns ?? 80) - 1)}`,
        )
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
