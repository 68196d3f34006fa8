import test from 'ava'
import { fillArguments, splitArguments } from '../arguments.ts'

const place = {
  kubeconfig: '/run/a b/kubeconfig',
  node: 'node-a',
  clusterCidr: '10.1.0.0/16',
  apiServer: 'https://127.0.0.1:1',
}

for (const [text, expected] of [
  ['', []],
  ['  ', []],
  ['--a --b', ['--a', '--b']],
  [' --a\t--b\n', ['--a', '--b']],
  ['--name="two words" --x', ['--name=two words', '--x']],
  ['--json \'{"a": 1}\'', ['--json', '{"a": 1}']],
  ['--empty ""', ['--empty', '']],
  [`"it's"`, ["it's"]],
  ['$HOME;rm *', ['$HOME;rm', '*']],
] as const) {
  test(`${JSON.stringify(text)} is ${expected.length} arguments`, (t) => {
    t.deepEqual(splitArguments(text), [...expected])
  })
}

test('a quote that is not closed is told', (t) => {
  t.throws(() => splitArguments('--a "b'), { code: 'EXTERNAL_ARGUMENTS', message: /a quote is not closed/ })
})

for (const [argument, expected] of [
  ['--kubeconfig={kubeconfig}', '--kubeconfig=/run/a b/kubeconfig'],
  ['{node}@{apiServer}', 'node-a@https://127.0.0.1:1'],
  ['--cluster-cidr={clusterCidr}', '--cluster-cidr=10.1.0.0/16'],
  ['{"json": {}}', '{"json": {}}'],
  ['plain', 'plain'],
] as const) {
  test(`the place is put into ${argument}`, (t) => {
    t.deepEqual(fillArguments([argument], place), [expected])
  })
}

test('an unknown place is told with those that there are', (t) => {
  const error = t.throws(() => fillArguments(['--x={hostname}'], place), { code: 'EXTERNAL_ARGUMENTS' })
  t.regex(error!.message, /nothing is called \{hostname\}/)
  t.like(error, { fix: 'one of {kubeconfig}, {node}, {clusterCidr}, {apiServer}' })
})
