import test from 'ava'
import { display } from '../command/progress.ts'

const terminal = (isTTY: boolean) => {
  const written: string[] = []
  return { isTTY, columns: 30, write: (text: string) => written.push(text), written }
}
const part = {
  name: 'shape',
  outcome: 'failed',
  checks: [
    { name: 'one', outcome: 'passed', detail: '' },
    { name: 'two', outcome: 'failed', detail: '' },
  ],
  advice: [],
  seconds: 4,
} as const

test('a log gets a line for each part, and for each row that fails', (t) => {
  const log = terminal(false)
  const shown = display(log, 'acme')
  shown.step('shape', 'it can be made')
  shown.step('conformance', '✘ IPv4 TCP: a row')
  shown.part(part)
  shown.part({ ...part, name: 'speed', outcome: 'left out' })
  shown.part({ ...part, name: 'operation', outcome: 'not reached' })
  shown.end()
  t.deepEqual(
    log.written
      .join('')
      .split('\n')
      .map((line) => line.replace(/^ *\d+ s {2}/, '')),
    [
      'acme: conformance: ✘ IPv4 TCP: a row',
      'acme: shape: 1 passed, 1 failed, in 4 s',
      'acme: operation: not reached',
      '',
    ],
  )
})

test('a terminal gets one line that changes and fits, whatever a dataplane says', (t) => {
  const screen = terminal(true)
  const shown = display(screen, 'acme')
  shown.step('shape', 'it is made \u001b[2J and then some more words')
  t.deepEqual(screen.written, ['\r\u001b[Kacme: shape: it is made  [2J '])
  shown.end()
  t.is(screen.written.at(-1), '\r\u001b[K')
})
