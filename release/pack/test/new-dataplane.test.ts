/** What an author of a dataplane does, outside of the checkout and with nothing but the archives. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'
import { install, pinVersions } from '../install.ts'
import { npm } from '../npm.ts'
import { pack } from '../pack.ts'
import { Stopwatch } from './stopwatch.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portolan-new-dataplane-'))
const archives = join(folder, 'archives')
const sextant = join(folder, 'sextant')
/** Of what an author does first. */
const stopwatch = new Stopwatch()
const path = `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`
/** Other tests keep the machine busy. */
const env = { PATH: path, HOME: folder, PORTOLAN_SLOWNESS: '3' }

const run = (cwd: string, program: string, ...args: readonly string[]) =>
  execa(program, args, { cwd, env, extendEnv: false, stdin: 'ignore' })

/** Of other people's packages it takes the checkout's versions, so that the test is about ours. */
async function installed(path: string): Promise<void> {
  await pinVersions(root, path)
  await npm(['install', '--ignore-scripts', '--prefer-offline'], path)
}

test.before(async (t) => {
  t.timeout(1_100_000)
  const packed = await pack(root, archives)
  const creator = packed.filter(({ name }) => name === '@portolan/create-dataplane')
  await install({ root, folder: join(folder, 'creator'), archives: creator })
})

test.after.always(() => rm(folder, { recursive: true, force: true }))

const create = (...args: readonly string[]) =>
  run(
    folder,
    join(folder, 'creator', 'node_modules', '.bin', 'create-dataplane'),
    ...args,
    '--archives',
    archives,
  )

test.serial('a new package has all its tests pass at once, and is built and planned with', async (t) => {
  t.timeout(1_100_000)
  const { stdout } = await stopwatch.time('create', () => create('sextant'))
  const page = await readFile(join(root, 'docs', 'writing-a-dataplane.md'), 'utf8')
  const [, shown = ''] = /^\$ npm create @portolan\/dataplane acme\n([\s\S]*?)^```$/m.exec(page) ?? []
  t.is(`${stdout}\n`, shown.replaceAll('acme', 'sextant'))
  await stopwatch.time('npm install', () => installed(sextant))
  const told = await stopwatch.time('npm test', () => run(sextant, 'npm', 'test'))
  t.regex(told.stdout, /conformance › IPv4 TCP: a ClusterIP reaches every endpoint/)
  t.regex(told.stdout, /\d{3} tests passed/)
  t.notRegex(told.stdout, /failed/)
  const cluster = ['--source', `file:${join(root, 'docs', 'one-service.yaml')}`]
  const plan = await portolan('plan', ...cluster, '--dataplane', './dist/index.js')
  t.regex(plan.stdout, /^add table ip portolan-sextant$/m)
})

test.serial('a skeleton has its tests pass, and plans', async (t) => {
  t.timeout(900_000)
  await create('@example/dataplane-astrolabe', '--empty')
  const path = join(folder, 'dataplane-astrolabe')
  await installed(path)
  const told = await run(path, 'npm', 'test')
  t.regex(told.stdout, /8 tests passed\n.*1 test todo/)
  const cluster = ['--source', `file:${join(root, 'docs', 'one-service.yaml')}`]
  const portolan = join(path, 'node_modules', '.bin', 'portolan')
  const plan = await run(path, portolan, 'plan', ...cluster, '--dataplane', './src/index.ts')
  t.regex(
    plan.stdout,
    /^set 10\.96\.0\.10 80\/TCP from pod = one of 10\.244\.1\.10 8080, 10\.244\.2\.10 8080$/m,
  )
  const { name } = JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))
  t.is(name, '@example/dataplane-astrolabe')
})

interface Fault {
  readonly what: string
  readonly file: string
  readonly find: string
  readonly put: string
  /** After `portolan eval ./src/index.ts`. */
  readonly ask: readonly string[]
  /** What the card says of it, in order. */
  readonly told: RegExp
}

/** A program of the new package's, as npx runs it. */
const inSextant = (program: string, ...args: readonly string[]) =>
  execa(join(sextant, 'node_modules', '.bin', program), args, {
    cwd: sextant,
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  })

const portolan = (...args: readonly string[]) => inSextant('portolan', ...args)

const shape = ['--only', 'shape']
const convergence = ['--only', 'shape,convergence', '--quick']

/** Each way to break the package, and what its author gets to read. */
const faults: readonly Fault[] = [
  {
    what: 'throws while it is loaded',
    file: 'src/index.ts',
    find: 'export default',
    put: "if (Date.now() > 0) throw new Error('out of rum')\nexport default",
    ask: shape,
    told: /shape: it can be loaded dataplane '.\/src\/index\.ts' can't be loaded: out of rum/,
  },
  {
    what: 'declares a gap that is none',
    file: 'src/index.ts',
    find: "affinity: '",
    put: "afinity: '",
    ask: shape,
    told: /it declares families, protocols and gaps that there are capabilities\.gaps has "afinity", which is no feature; there are/,
  },
  {
    what: 'throws in reconcile',
    file: 'src/program.ts',
    find: '  const baseRules = baseChains(',
    put: "  if (mark !== '') throw new Error('no chart of it')\n  const baseRules = baseChains(",
    ask: shape,
    told: /reconcile of IPv4 failed: no chart of it .*at reconcile \(.*src\/program\.ts:\d+/,
  },
  {
    what: 'holds the event loop',
    file: 'src/program.ts',
    find: '  const { before, after } = contentsOfChange(',
    put: '  while (change.routes.length > 0);\n  const { before, after } = contentsOfChange(',
    ask: [...shape, '--deadline', '5'],
    told: /the same change gives the same program[\s\S]*something has held the event loop for 20 s and never returned/,
  },
  {
    what: 'ends the process',
    file: 'src/program.ts',
    find: '  const { before, after } = contentsOfChange(',
    put: '  process.exit(3)\n  const { before, after } = contentsOfChange(',
    ask: shape,
    told: /the same change gives the same program[\s\S]*the process has ended \(exit code 3\)/,
  },
  {
    what: 'gives another program each time',
    file: 'src/contents.ts',
    find: 'numgen random mod',
    put: `numgen random /* \${order++} */ mod`,
    ask: shape,
    told: /the same table gives the same program, however often, and isn't changed it differs: "/,
  },
  {
    what: 'tells a wrong family',
    file: 'src/program.ts',
    find: "family: 'IPv4', operations",
    put: "family: 'IPv6' as 'IPv4', operations",
    ask: shape,
    told: /reconcile gives a program for a node that holds nothing .*reconcile of IPv4 .*IPv6/,
  },
  {
    what: 'has a route that poisons it',
    file: 'src/contents.ts',
    find: '  for (const frontend of route.frontends) {',
    put: "  if (route.name.includes('cart')) throw new Error('no room for it')\n  for (const frontend of route.frontends) {",
    ask: shape,
    told: /no route of its protocols is left out shop\/cart:http\/TCP: .*no room for it/,
  },
  {
    what: 'never returns from apply',
    file: 'src/index.ts',
    find: '    if (commands.length === 0) return { bytes: 0 }',
    put: '    await new Promise(() => {})\n    if (commands.length === 0) return { bytes: 0 }',
    ask: [...convergence, '--deadline', '5'],
    told: /what apply writes, observe reads back dataplane sextant: apply of IPv4 has not returned for 5 s/,
  },
  {
    what: 'lies: says that it has applied what it has not',
    file: 'src/index.ts',
    find: '    if (commands.length === 0) return { bytes: 0 }',
    put: '    if (commands.length > 0) return { bytes: 0 }',
    ask: convergence,
    told: /a reconciliation still has (\d+) operations \(from nothing it has \1\)[\s\S]*usually apply has done nothing that observe looks at/,
  },
  {
    what: 'forgets a delete',
    file: 'src/program.ts',
    find: '    ...gone.map((element) =>',
    put: '    ...(fresh.length === 0 ? [] : gone).map((element) =>',
    ask: convergence,
    told: /convergence: IPv4: what is taken away goes from the kernel, too /,
  },
  {
    what: 'writes things in the wrong order: takes chains away while elements still lead there',
    file: 'src/program.ts',
    find: '    ...fresh.flatMap(([name, rules]) => [',
    put: "    ...stale.splice(0).map((name) => ['delete chain', at, name].join(' ')),\n    ...fresh.flatMap(([name, rules]) => [",
    ask: convergence,
    told: /in another order, it comes to the same nft refused the transaction: .*busy delete chain ip portolan-sextant service-/,
  },
  {
    what: 'leaves its table behind',
    file: 'src/index.ts',
    find: '    await this.#nft.apply([`delete table',
    put: '    await this.#nft.apply([`list table',
    ask: ['--only', 'operation'],
    told: /clean-up leaves nothing in the kernel, and a second one finds nothing \d+ objects are left: nft: /,
  },
  {
    what: 'lists endpoints in the order that it gets them in',
    file: 'src/contents.ts',
    find: '.sort()',
    put: '',
    ask: ['--rows', 'a new process that finds its table'],
    told: /a new process lists endpoints in another order than the one before it, and this dataplane has no endpointOrder/,
  },
  {
    what: 'masquerades nobody',
    file: 'src/contents.ts',
    find: '(verdict.masquerade ? [',
    put: '(verdict.masquerade && route.name.length === 0 ? [',
    ask: ['--rows', '^a ClusterIP masquerades'],
    told: /IPv4 TCP: a ClusterIP masquerades what comes from the node or from outside [\s\S]*do: 2 of 2 rows about "verdicts differ by who asks[\s\S]*sourceClasses/,
  },
]

/** Of a search. Other tests keep the machine busy. */
const patient = ['--seed', '1', '--slowness', '3']

for (const { what, file, find, put, ask, told } of faults)
  test.serial(`a dataplane that ${what} is told so`, async (t) => {
    t.timeout(900_000)
    const source = await readFile(join(sextant, file), 'utf8')
    t.is(source.split(find).length, 2, `${file} has it once: ${find}`)
    const more = put.includes('order++') ? '\nlet order = 0\n' : ''
    await writeFile(join(sextant, file), source.replace(find, () => put) + more)
    try {
      const { exitCode, stdout, stderr } = await portolan('eval', './src/index.ts', ...ask)
      // Lines are broken where the terminal ends.
      t.regex(stdout.replaceAll(/\s+/g, ' '), told, `${stdout}\n${stderr}`)
      t.is(exitCode, 1)
    } finally {
      await writeFile(join(sextant, file), source)
    }
  })

test.serial(
  'portolan fuzz finds a fault of it, and the test that it writes fails until that is mended',
  async (t) => {
    t.timeout(900_000)
    const file = join(sextant, 'src', 'contents.ts')
    const source = await readFile(file, 'utf8')
    const find = '(verdict.masquerade ? ['
    await writeFile(file, source.replace(find, "(verdict.masquerade && route.name === '' ? ["))
    const ava = async () => (await inSextant('ava', 'test/found.test.ts')).stdout
    try {
      const ask = ['--only', 'packets', '--rounds', '50', '--shrink', '10', '--test', 'test/found.test.ts']
      const { exitCode, stdout, stderr } = await portolan('fuzz', './src/index.ts', ...patient, ...ask)
      t.regex(stdout, /^\.\/src\/index\.ts: found after \d+ s: /m, stderr)
      t.is(exitCode, 1)
      t.regex(await ava(), /1 test failed/)
    } finally {
      await writeFile(file, source)
    }
    t.regex(await ava(), /1 test passed/)
    await run(sextant, 'npm', 'run', 'check')
    await rm(join(sextant, 'test', 'found.test.ts'))
    const sound = await portolan('fuzz', './src/index.ts', ...patient, '--rounds', '2')
    t.regex(sound.stdout, /: nothing found: 6 rounds, /, sound.stderr)
    t.is(sound.exitCode, 0)
  },
)

test.serial(
  'and as it was made it has a card without a failure, with the figures of its speed',
  async (t) => {
    t.timeout(1_100_000)
    const ask = ['eval', './src/index.ts', '--quick', '--services', '20', '--slowness', '3']
    const { stdout, stderr, exitCode } = await stopwatch.time('first card', () => portolan(...ask))
    t.is(exitCode, 0, `${stdout}\n${stderr}`)
    for (const part of ['shape', 'convergence', 'conformance', 'speed', 'operation'])
      t.regex(stdout, new RegExp(`^${part} +✔ \\d+`, 'm'))
    t.regex(stdout, /one endpoint replaced, from the event to the kernel, 20 Services +[\d.]+ m?s/)
    t.regex(stdout, /what another tool damages is repaired +way 0: [\d.]+ s, way 1: /)
    t.regex(stdout, /no packet is lost while the process restarts +0 of \d+ connections/)
    t.regex(stdout, /a process that is killed while it applies disturbs no Service that stays the same +✔/)
    const card = JSON.parse(await readFile(join(sextant, 'scorecard.json'), 'utf8'))
    t.is(card.cards[0].name, 'sextant')
    t.regex(await readFile(join(sextant, 'scorecard.html'), 'utf8'), /<svg/)
    t.log(stopwatch.toString())
  },
)
