/** The command line, as somebody types it. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'

const program = fileURLToPath(new URL('../../core/cli/portolan.js', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
/** As `portolan create dataplane --empty` makes it. */
const skeleton = join(root, 'create', 'templates', 'empty', 'src', 'index.ts')
const mutant = fileURLToPath(new URL('./without-masquerade.ts', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portolan-eval-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

const evaluate = (...args: readonly string[]) =>
  execa(process.execPath, [program, 'eval', ...args], { cwd: folder, reject: false })

test.serial('the help teaches parts, examples and exit codes', async (t) => {
  const { stdout, exitCode } = await evaluate('--help')
  t.is(exitCode, 0)
  for (const part of ['shape', 'convergence', 'conformance', 'speed', 'operation'])
    t.regex(stdout, new RegExp(`^ {2}${part} `, 'm'))
  t.regex(stdout, /\$ portolan eval nftables ebpf \.\/src\/index\.ts/)
  t.regex(stdout, /Exit codes: 0 /)
  t.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  )
})

const mistakes: readonly (readonly [args: readonly string[], told: RegExp])[] = [
  [[], /missing required argument 'dataplane'/],
  [['nftables', '--only', 'shape,spead'], /There is no part 'spead'/],
  [['nftables', '--rows', '('], /--rows.*Unterminated group/s],
  [['nftables', '--services', '0'], /'0' is no number from 1 to 500000/],
  [['nftables', '--slowness', 'very'], /'very' is no number from 1 to 1000/],
  [['nftables', '--deadline', 'soon'], /'soon' is no number of seconds/],
  [
    ['nftables', '--rows', 'no such row'],
    /--rows no such row matches no row of the conformance kit\n {2}fix: take/,
  ],
  [
    ['nftables', '--json', 'nowhere/card.json'],
    /can't write nowhere\/card\.json: there is no folder .*\n {2}fix: /,
  ],
  [['nftables', '--report', '.'], /can't write \.: it is a folder/],
  [['nftables', '--badge', 'nowhere/badge.svg'], /can't write nowhere\/badge\.svg: there is no folder /],
  [['nftables', 'ebpf', '--under-test', 'x.ts'], /--under-test is of one dataplane\n {2}fix: name one/],
]
for (const [args, told] of mistakes)
  test.serial(`a wrong command line ends with 2 and says so: ${args.join(' ')}`, async (t) => {
    const { stderr, exitCode } = await evaluate(...args)
    t.regex(stderr, told)
    t.is(exitCode, 2)
  })

test.serial('a dataplane that is not there has a card that says so', async (t) => {
  const { stdout, exitCode } = await evaluate('./nowhere.ts', '--only', 'shape')
  t.regex(stdout, /shape: it can be loaded\n +no dataplane module at '\.\/nowhere\.ts'/)
  t.is(exitCode, 1)
})

test.serial(
  'a skeleton is told that its kernel half is to be written, and nothing after that is asked',
  async (t) => {
    const { stdout, stderr, exitCode } = await evaluate(skeleton, '--badge', 'badge.svg', '--slowness', '3')
    t.regex(stdout, /^convergence +not reached$/m)
    t.regex(stdout, /the kernel half of acme is not written yet\n +fix: write src\/kernel\.ts/)
    t.regex(stderr, /shape: 10 passed, 1 failed/)
    t.is(exitCode, 1)
    const { cards, command } = JSON.parse(await readFile(join(folder, 'scorecard.json'), 'utf8'))
    t.is(command, `portolan eval ${skeleton} --slowness 3`)
    t.deepEqual(
      cards[0].parts.map(({ name, outcome }: { name: string; outcome: string }) => `${name} ${outcome}`),
      [
        'shape failed',
        'convergence not reached',
        'conformance not reached',
        'speed not reached',
        'operation not reached',
      ],
    )
    t.regex(await readFile(join(folder, 'badge.svg'), 'utf8'), /portolan eval: 1 failed/)
  },
)

test.serial('a failed row leaves the objects that it is about, and plan takes them', async (t) => {
  t.timeout(900_000)
  const { stdout, stderr, exitCode } = await evaluate(mutant, '--rows', '^a ClusterIP masquerades')
  t.is(exitCode, 1, stdout)
  const [, command = ''] = /^ {2}portolan (plan --source .*)$/m.exec(stderr) ?? []
  const plan = await execa(process.execPath, [program, ...command.split(' ')], { cwd: folder })
  t.regex(plan.stdout, /10\.96\.0\.1 /)
})

test.serial(
  'where the objects of failed rows can not be written, the card is made all the same',
  async (t) => {
    t.timeout(900_000)
    await writeFile(join(folder, 'taken'), '')
    const rows = ['--rows', '^a ClusterIP masquerades', '--objects', 'taken', '--json', 'kept.json']
    const { stdout, stderr, exitCode } = await evaluate(mutant, ...rows)
    t.is(exitCode, 1)
    t.regex(
      stderr,
      /objects of 1 scenario with failed rows could not be written: .*EEXIST.*\n {2}fix: .*--objects/,
    )
    t.regex(stdout, /^conformance +✘ /m)
    t.is(JSON.parse(await readFile(join(folder, 'kept.json'), 'utf8')).cards[0].name, 'nftables')
  },
)
