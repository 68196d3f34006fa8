import { execFileSync } from 'node:child_process'
import test from 'ava'
import { createBenchCommand } from '../command.ts'
import { commandLine } from '../command-line.ts'

const rows: readonly (readonly [claim: string, args: readonly string[], line: RegExp])[] = [
  ['nothing', [], /^portolan bench$/],
  [
    'lists',
    ['--services', '10,20', '--dataplane', 'nftables?transport=nft,ebpf'],
    / --services 10,20 --dataplane 'nftables\?transport=nft,ebpf'$/,
  ],
  ['a path with a space', ['--recording', "my cluster's.rec", '--node', 'median'], /--node median$/],
  [
    'arguments of another program, with quotes and spaces',
    [
      '--external',
      './proxy',
      '--external-args',
      `--a="two words" '{"b": 1}' "" "it's" 'say "'"it's"'"' --c={node}`,
    ],
    /^portolan bench --external \.\/proxy --external-args ["']/,
  ],
  [
    'the changes of a soak',
    ['--scenario', 'soak', '--changes', '500000'],
    / --scenario soak --changes 500000$/,
  ],
  [
    'its timeout and its name',
    ['--external', './proxy', '--external-name', 'my proxy', '--external-timeout', '0.5'],
    /--external-name 'my proxy' --external-timeout 0\.5$/,
  ],
  [
    'two programs with options of their own',
    ['--external', './a', '--external-args', '-x', '--external', './b', '--external-name', 'c'],
    /--external \.\/a --external-args -x --external \.\/b --external-name c$/,
  ],
]

const flagsOf = (args: readonly string[]) => {
  const command = createBenchCommand('0.0.0')
  command.parseOptions([...args])
  return command.opts()
}

for (const [claim, args, expected] of rows) {
  test(`a shell that is given the command makes the same of it: ${claim}`, (t) => {
    const flags = flagsOf(args)
    const line = commandLine(flags as Parameters<typeof commandLine>[0])
    t.regex(line, expected)
    const printed = line.replace(/^portolan bench ?/, `printf '%s\\0' `)
    const words = line === 'portolan bench' ? '' : execFileSync('sh', ['-c', printed], { encoding: 'utf8' })
    t.deepEqual(flagsOf(words.split('\0').slice(0, -1)), flags)
  })
}
