import test from 'ava'
import { progressDisplay } from '../progress-display.ts'

const hide = '\u001b[?25l'
const show = '\u001b[?25h'

test('a terminal has its cursor after the end, also where a step is told of later', (t) => {
  const written: string[] = []
  const terminal = { isTTY: true, write: (text: string) => written.push(text) }
  const display = progressDisplay(terminal)
  display.begin([], 3)
  display.step('nftables, 10 x 2', 'cold-start')
  t.true(written.join('').includes(hide))
  display.end()
  const text = written.join('')
  t.true(text.lastIndexOf(show) > text.lastIndexOf(hide))
  display.step('nftables, 10 x 2', 'connect')
  display.end()
  t.is(written.join(''), text)
})
