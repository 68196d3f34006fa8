import { fileURLToPath } from 'node:url'
import { conformance, type RowClaim } from '@portolan/conformance'
import test from 'ava'
import { execa } from 'execa'
import { foreign, sabotage } from './damage.ts'
import factory from './index.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** As an operator names it: by a path from where they stand. */
const portolan = async (command: string, ...args: string[]) => {
  const source = ['--source', 'file:docs/sample-cluster.yaml', '--node', 'node-a']
  const dataplane = ['--dataplane', './docs/examples/minimal-dataplane/index.ts']
  const program = [
    process.execPath,
    'core/cli/portolan.js',
    command,
    ...source,
    ...dataplane,
    ...args,
  ] as const
  return (await execa(program[0], program.slice(1), { cwd: root })).stdout
}

test('--dataplane loads it by its path, and plan prints its program', async (t) => {
  const program = await portolan('plan', '--cluster-cidr', '10.244.0.0/16')
  t.regex(program, /^add table ip portolan-minimal$/m)
  t.regex(
    program,
    /^add rule ip portolan-minimal from-pod ip daddr \. meta l4proto \. th dport vmap @from-pod$/m,
  )
  t.regex(
    program,
    /^add element ip portolan-minimal from-outside \{ 0\.0\.0\.0 \. tcp \. 30080 : goto service-\w+ \}$/m,
  )
})

test('explain shows the chain of its own that a packet meets', async (t) => {
  const told = await portolan('explain', '--from', 'outside', '--to', '10.96.0.40:80', '--json')
  const { verdict, rules } = JSON.parse(told) as { verdict: string; rules: string[] }
  t.is(verdict, 'reject')
  t.regex(rules[0] ?? '', /^from-outside 10\.96\.0\.40 \. tcp \. 80 : goto service-\w+$/)
  t.regex(rules[1] ?? '', /^chain service-\w+: reject$/)
})

/** The long stories take a minute; a package's own tests should tell them too. */
const isQuick = ({ feature, name }: RowClaim) =>
  !feature.startsWith('affinity') && !/^while |hundred|kill|after all/.test(name)

conformance({
  test,
  factory,
  module: import.meta.resolve('./index.ts'),
  hooks: { sabotage, foreign },
  filter: isQuick,
})
