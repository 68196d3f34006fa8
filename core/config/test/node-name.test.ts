import test from 'ava'
import { nodeName } from '../node-name.ts'

test('the node is named by the operator, else by the machine, trimmed and in lower case', (t) => {
  t.is(nodeName(' Node-A\n', 'host'), 'node-a')
  t.is(nodeName(undefined, 'Host.Example '), 'host.example')
})
