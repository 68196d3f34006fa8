import { count, type Part, type PartName } from '../scorecard.ts'
import { liveLine, type Terminal } from './live-line.ts'

export interface Display {
  step(part: PartName, what: string): void
  part(part: Part): void
  end(): void
}

/**
 * On a terminal one line that changes; above it, and elsewhere, a line for each part that is done and each row that fails.
 * Where nothing changes on the spot, a line now and then says what is being asked.
 */
export function display(terminal: Terminal, dataplane: string): Display {
  const line = liveLine(terminal)
  return {
    step(part, what) {
      const text = `${dataplane}: ${part}: ${what}`
      if (what.startsWith('✘')) line.say(text)
      else line.show(text)
    },
    part(part) {
      if (part.outcome === 'left out') return
      const failed = count(part.checks, 'failed')
      const passed = count(part.checks, 'passed')
      line.say(
        part.outcome === 'not reached'
          ? `${dataplane}: ${part.name}: not reached`
          : `${dataplane}: ${part.name}: ${passed} passed, ${failed} failed, in ${part.seconds} s`,
      )
    },
    end: () => line.end(),
  }
}
