/** Where a person, or a log, looks while it runs. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** What is told while something runs. */
export interface LiveLine {
  /** Stays, with the seconds since the beginning. */
  say(line: string): void
  /** On a terminal the line that changes; elsewhere nothing, unless nothing has been said for long. */
  show(line: string): void
  end(): void
}

/** Milliseconds after which somebody who reads a log would like to know what is going on. */
const silenceMs = 20_000

/** Nothing that is told can move the cursor. */
export function liveLine(terminal: Terminal): LiveLine {
  const begun = performance.now()
  const isLive = terminal.isTTY === true
  const clear = isLive ? '\r\u001b[K' : ''
  let last = begun
  const say = (line: string): void => {
    last = performance.now()
    const seconds = String(Math.round((last - begun) / 1000)).padStart(4)
    terminal.write(`${clear}${seconds} s  ${plain(line)}\n`)
  }
  return {
    say,
    show(line) {
      if (isLive) terminal.write(`${clear}${plain(line).slice(0, (terminal.columns ?? 80) - 1)}`)
      else if (performance.now() - last > silenceMs) say(line)
    },
    end() {
      terminal.write(clear)
    },
  }
}

function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}
