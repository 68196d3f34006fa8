import test from 'ava'
import { parseDuration } from '../../config/duration.ts'
import { DataplaneLoadError } from '../../dataplane/load-dataplane.ts'
import { chooseNode } from '../choose-node.ts'
import { reportError } from '../error-report.ts'
import { UserError } from '../user-error.ts'

const durations: readonly [string, number | undefined][] = [
  ['0', 0],
  ['0s', 0],
  ['250ms', 250],
  ['1.5s', 1500],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['', undefined],
  ['5', undefined],
  ['-1s', undefined],
  ['1d', undefined],
  ['1s ', undefined],
]
for (const [text, expected] of durations) {
  test(`duration '${text}' is ${expected ?? 'none'}`, (t) => {
    t.is(parseDuration(text), expected)
  })
}

const choices: readonly [string, string | undefined, readonly string[], string | RegExp][] = [
  ['the named Node', ' Node-B ', ['node-a', 'node-b'], 'node-b'],
  ['the only Node', undefined, ['node-a'], 'node-a'],
  ['the Node called like this machine', undefined, ['node-a', 'machine'], 'machine'],
  ["this machine's name in a file without Nodes", undefined, [], 'machine'],
  ['any name in a file without Nodes', 'x', [], 'x'],
  ['no Node of several that are others', undefined, ['node-a', 'node-b'], /2 Nodes/],
  ['no Node that the file does not have', 'x', ['node-a'], /no Node 'x'/],
]
for (const [claim, named, nodes, expected] of choices) {
  test(`chooses ${claim}`, (t) => {
    const choose = () => chooseNode(named, nodes, 'Machine')
    if (typeof expected === 'string') t.is(choose(), expected)
    else t.throws(choose, { instanceOf: UserError, message: expected })
  })
}

test('an error that the operator can fix has no stack, a defect has', (t) => {
  t.deepEqual(reportError(new UserError('no such thing', { fix: 'make one' })), {
    lines: ['portolan: no such thing', '  fix: make one'],
    exitCode: 1,
  })
  const load = new DataplaneLoadError('DATAPLANE_SETTING_INVALID', 'unknown option speed', 'see the help')
  t.is(reportError(load).exitCode, 2)
  const { lines } = reportError(new TypeError('x is undefined'))
  t.regex(lines.join('\n'), /TypeError: x is undefined\n.* at [\s\S]*please report it/)
})
