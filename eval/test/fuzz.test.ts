/** `portolan fuzz`, as somebody types it, and the test that it prints. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'
import fc from 'fast-check'
import { commandLine } from '../fuzz/command-line.ts'
import { literal, testText } from '../fuzz/reproduction.ts'

const program = fileURLToPath(new URL('../../core/cli/portolan.js', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const mutant = fileURLToPath(new URL('./without-masquerade.ts', import.meta.url))
const sound = join(root, 'dataplanes', 'nftables', 'index.ts')

/** A package of somebody's, as far as ava needs one. */
const folder = await mkdtemp(join(tmpdir(), 'portolan-fuzz-'))
await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
await writeFile(
  join(folder, 'package.json'),
  JSON.stringify({ type: 'module', ava: { extensions: ['ts'], files: ['*.test.ts'] } }),
)
test.after.always(() => rm(folder, { recursive: true, force: true }))

const fuzz = (...args: readonly string[]) =>
  execa(process.execPath, [program, 'fuzz', ...args], { cwd: folder, reject: false })

test.serial('the help teaches phases, examples and exit codes, and what else is called so', async (t) => {
  const { stdout, exitCode } = await fuzz('--help')
  t.is(exitCode, 0)
  for (const phase of ['convergence', 'packets', 'conversations'])
    t.regex(stdout, new RegExp(`^ {2}${phase} `, 'm'))
  t.regex(stdout, /\$ portolan fuzz .* --path packets\/12\/3:0/)
  t.regex(stdout, /npm run fuzz is another thing/)
  t.regex(stdout, /Exit codes: 0 /)
  t.deepEqual(
    stdout.split('\n').filter((line) => line.length > 80),
    [],
  )
})

const mistakes: readonly (readonly [args: readonly string[], told: RegExp])[] = [
  [[], /missing required argument 'dataplane'/],
  [['nftables', 'ebpf'], /too many arguments/],
  [['nftables', '--only', 'shape'], /There is no phase 'shape'/],
  [['nftables', '--seed', 'x'], /--seed.*It must be a whole number/s],
  [['nftables', '--slowness', '0.5'], /'0.5' is no number from 1 to 1000/],
  [['nftables', '--minutes', '0'], /'0' is no number of minutes/],
  [['nftables', '--seed', '1', '--path', 'here'], /'here' is no path, as packets\/12\/3:0:5 is/],
  [['nftables', '--path', 'packets/1'], /--path is of one seed, and there is no --seed\n {2}fix: give both/],
  [['nftables', '--test', 'nowhere/x.test.ts'], /can't write nowhere\/x\.test\.ts: there is no folder/],
]
for (const [args, told] of mistakes)
  test.serial(`a wrong command line ends with 2 and says so: ${args.join(' ')}`, async (t) => {
    const { stderr, exitCode } = await fuzz(...args)
    t.regex(stderr, told)
    t.is(exitCode, 2)
  })

test.serial('a dataplane that is not there is told', async (t) => {
  const { stderr, exitCode } = await fuzz('./nowhere.ts')
  t.regex(stderr, /no dataplane module at '\.\/nowhere\.ts'/)
  t.is(exitCode, 1)
})

test.serial(
  'what is found is a test that fails as long as the fault is there, and a path to see it again',
  async (t) => {
    t.timeout(900_000)
    const ask = [
      '--seed',
      '1',
      '--only',
      'packets',
      '--shrink',
      '5',
      '--test',
      'found.test.ts',
      '--json',
      'found.json',
    ]
    const { stdout, stderr, exitCode } = await fuzz(mutant, ...ask)
    t.is(exitCode, 1, stderr)
    t.regex(stdout, /found after \d+ s: .* histories, .* probes/)
    t.regex(stdout, /saw .*, due is .*the node's address on the way there/)
    const { found, seed } = JSON.parse(await readFile(join(folder, 'found.json'), 'utf8'))
    t.is(seed, 1)
    t.is(found.trial.questions.length, 1)

    const [, again = ''] = /^again: portolan (.*)$/m.exec(stdout) ?? []
    const followed = await execa(process.execPath, [program, ...again.split(' ')], {
      cwd: folder,
      reject: false,
    })
    t.is(followed.exitCode, 1)
    // By which endpoint, and from which port, is chance.
    t.regex(followed.stdout, /saw .*, due is .*the node's address on the way there/)

    const text = await readFile(join(folder, 'found.test.ts'), 'utf8')
    t.is(text, found.test)
    const asMutant = await runTest()
    t.regex(asMutant, /1 test failed/)
    t.regex(asMutant, /address on the way there/)
    const importOf = (file: string) => testText({ ...given, subject: { ...given.subject, module: file } })
    const [mutantLine = '', soundLine = ''] = [mutant, sound].map((file) => importOf(file).split('\n')[2])
    t.true(text.includes(mutantLine))
    await writeFile(join(folder, 'found.test.ts'), text.replace(mutantLine, soundLine))
    t.regex(await runTest(), /1 test passed/)
  },
)

/** Of ava in that package. */
async function runTest(): Promise<string> {
  const ava = join(root, 'node_modules', 'ava', 'entrypoints', 'cli.js')
  const { all } = await execa(process.execPath, [ava], {
    cwd: folder,
    all: true,
    reject: false,
    env: { NO_COLOR: '1', CI: '', PORTOLAN_TEST_CGROUP: '' },
  })
  return all ?? ''
}

test.serial('a dataplane that holds the event loop is told with the round in which it did', async (t) => {
  t.timeout(300_000)
  const path = join(folder, 'stuck.ts')
  await writeFile(
    path,
    `import nftables from ${JSON.stringify(sound)}
    export default {
      ...nftables,
      create(options, supervision) {
        const real = nftables.create(options, supervision)
        return new Proxy(real, {
          get(target, name) {
            if (name === 'compile') while (true);
            const part = Reflect.get(target, name)
            return typeof part === 'function' ? part.bind(target) : part
          },
        })
      },
    }\n`,
  )
  const { stdout, exitCode } = await fuzz(
    './stuck.ts',
    '--seed',
    '1',
    '--deadline',
    '10',
    '--only',
    'convergence',
  )
  t.regex(stdout, /convergence\/\d+: something has held the event loop for 40 s and never returned/)
  t.regex(stdout, /again: portolan fuzz \.\/stuck\.ts --seed 1 --path convergence\/\d+ --deadline 10/)
  t.is(exitCode, 1)
})

test.serial(
  'a search that is interrupted takes its virtual nodes down, and says what it has done',
  async (t) => {
    t.timeout(300_000)
    const running = execa(process.execPath, [program, 'fuzz', sound, '--seed', '1'], {
      cwd: folder,
      reject: false,
    })
    const child = await childOf(running.pid ?? 0)
    await until(async () => (await namespacesOf(child)).length > 0)
    running.kill('SIGINT')
    const { stdout, exitCode } = await running
    t.regex(stdout, /interrupted; nothing found until then: \d+ rounds/)
    t.is(exitCode, 1)
    t.deepEqual(await namespacesOf(child), [])
    t.false(existsSync(`/proc/${child}`))
  },
)

test.serial(
  'what a search that is interrupted was making short is printed as a test, as it was seen',
  async (t) => {
    t.timeout(600_000)
    const ask = ['--seed', '1', '--only', 'packets', '--shrink', '3600']
    const running = execa(process.execPath, [program, 'fuzz', mutant, ...ask], { cwd: folder, reject: false })
    running.stderr.on('data', (text) => {
      if (String(text).includes('✘')) running.kill('SIGINT')
    })
    const { stdout, exitCode } = await running
    t.regex(stdout, /found after \d+ s: .* probes.*\ninterrupted before it was tried again and made short\n/)
    t.regex(stdout, /saw .*, due is .*the node's address on the way there/)
    t.regex(stdout, /^again: portolan fuzz .* --seed 1 --path packets\/\d+\/\d+$/m)
    t.is(exitCode, 1)
  },
)

async function childOf(pid: number): Promise<string> {
  let children = ''
  await until(async () => {
    children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
    return children.trim() !== ''
  })
  return children.trim().split(' ')[0] ?? ''
}

async function namespacesOf(pid: string): Promise<readonly string[]> {
  await mkdir('/run/netns', { recursive: true })
  const { stdout } = await execa('ls', ['/run/netns'])
  return stdout.split('\n').filter((name) => name.startsWith(`pl-${pid}-`))
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 50))
}

test('a literal is the value that it is of', (t) => {
  const value = fc.anything({
    values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(Infinity)],
    maxDepth: 4,
  })
  fc.assert(
    fc.property(value, (one) => {
      const plain = structuredClone(one)
      t.deepEqual(new Function(`return (${literal(plain)})`)(), plain)
    }),
  )
})

test('a command line is as a shell reads it back, and has the minutes where somebody gave them', (t) => {
  const flags = { seed: 7, slowness: 1, shrink: 120 }
  t.is(
    commandLine('nftables?transport=nft', { ...flags, minutes: 5, rounds: 20, underTest: "it's.ts" }),
    `portolan fuzz 'nftables?transport=nft' --seed 7 --minutes 5 --rounds 20 --under-test 'it'"'"'s.ts'`,
  )
  t.is(
    commandLine('./src/index.ts', { ...flags, minutes: 5 }, 'packets/12:0'),
    'portolan fuzz ./src/index.ts --seed 7 --path packets/12:0',
  )
  t.is(
    commandLine('ipvs', { ...flags, minutes: 5, slowness: 18, deadline: 60 }, 'packets/12:0'),
    'portolan fuzz ipvs --seed 7 --path packets/12:0 --deadline 60 --slowness 18',
  )
})

test('a key that names the prototype elsewhere is a key like any other', (t) => {
  const value = JSON.parse('{"__proto__": 1}')
  t.deepEqual(new Function(`return (${literal(value)})`)(), value)
})

/** As a search gives it. */
const given = {
  subject: { module: '/somewhere/src/index.ts', gives: 'factory', settings: { transport: 'nft' } },
  again: 'portolan fuzz ./src/index.ts --seed 7 --path conversations/4:1',
  file: join(folder, 'found.test.ts'),
  found: {
    path: 'conversations/4:1',
    wrong: "no answer\u2028process.exit(1)\n*/ it's",
    afterMs: 1000,
    trial: {
      phase: 'conversations',
      family: 'IPv4',
      script: {
        conversations: [{ id: 0, from: 'pod', protocol: 'UDP', port: { slot: 1 } }],
        steps: [{ of: 0, do: 'open' }],
      },
    },
  },
} as const

/** For readers of imports: what follows is none of this file's. */
const from = 'from'

test('the test of conversations has them step by step, and what a dataplane says stays a comment', (t) => {
  t.is(
    testText({ ...given, file: '/somewhere/test/found.test.ts' }),
    `import { replay } from '@portolan/conformance/fuzz'
import test from 'ava'
import factory ${from} '../src/index.ts'

// Found by: portolan fuzz ./src/index.ts --seed 7 --path conversations/4:1
// no answer process.exit(1)
// */ it's
test('IPv4: conversations go as evaluate says with Services, and past them as without a proxy (conversations/4)', async (t) => {
  t.timeout(120_000)
  const wrong = await replay({ factory, settings: { transport: 'nft' } }, {
    phase: 'conversations',
    family: 'IPv4',
    script: {
      conversations: [
        { id: 0, from: 'pod', protocol: 'UDP', port: { slot: 1 } },
      ],
      steps: [
        { of: 0, do: 'open' },
      ],
    },
  })
  t.is(wrong, undefined)
})
`,
  )
})

test('a dataplane that a lab has to tell something comes with what tells it', (t) => {
  const subject = {
    module: '/somewhere/test/under-test.ts',
    gives: 'dataplane under test',
    settings: {},
  } as const
  const text = testText({ ...given, subject, file: '/somewhere/found.test.ts' })
  t.regex(text, /^import underTest from '\.\/test\/under-test\.ts'$/m)
  t.regex(text, /replay\(\{ factory: underTest\.factory \}, \{/)
})
