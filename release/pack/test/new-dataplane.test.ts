/** What an author of a dataplane does, outside of the checkout and with nothing but the archives. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'
import { install, pinVersions } from '../install.ts'
import { npm } from '../npm.ts'
import { pack } from '../pack.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'portolan-new-dataplane-'))
const archives = join(folder, 'archives')
const env = { PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: folder }

const run = (cwd: string, program: string, ...args: readonly string[]) =>
  execa(program, args, { cwd, env, extendEnv: false, stdin: 'ignore' })

/** Of other people's packages it takes the checkout's versions, so that the test is about ours. */
async function installed(path: string): Promise<void> {
  await pinVersions(root, path)
  await npm(['install', '--ignore-scripts', '--prefer-offline'], path)
}

test.before(async (t) => {
  t.timeout(600_000)
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
  t.timeout(600_000)
  const { stdout } = await create('sextant')
  t.regex(stdout, /^portolan-dataplane-sextant: a dataplane on nft, IPv4, \d+ files in sextant$/m)
  t.regex(stdout, /^ {2}cd sextant && npm install$\n^ {2}npm test .*$\n^ {2}npx portolan /m)
  const path = join(folder, 'sextant')
  await installed(path)
  const told = await run(path, 'npm', 'test')
  t.regex(told.stdout, /conformance › IPv4 TCP: a ClusterIP reaches every endpoint/)
  t.regex(told.stdout, /\d{3} tests passed/)
  t.notRegex(told.stdout, /failed/)
  const cluster = ['--source', `file:${join(root, 'docs', 'one-service.yaml')}`]
  const portolan = join(path, 'node_modules', '.bin', 'portolan')
  const plan = await run(path, portolan, 'plan', ...cluster, '--dataplane', './dist/index.js')
  t.regex(plan.stdout, /^add table ip portolan-sextant$/m)
})

test.serial('a skeleton has its tests pass, and plans', async (t) => {
  t.timeout(300_000)
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
