/** Whose card it is: that of the module that was asked for, whatever lies in its package. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { loadSubject } from '../subject.ts'

const folder = await mkdtemp(join(tmpdir(), 'portolan-eval-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

const real = import.meta.resolve('@portolan/dataplane-nftables')
const dataplane = (name: string) =>
  `import real from '${real}'\nexport default { ...real, name: '${name}' }\n`
const hooks = 'hooks: { sabotage: async () => 0 }'

/** @returns the package's folder, which is called after it */
async function packageOf(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folder, name)
  for (const [file, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    await mkdir(dirname(join(path, file)), { recursive: true })
    await writeFile(join(path, file), text)
  }
  return path
}
const factoryAt = async (path: string): Promise<unknown> => (await import(pathToFileURL(path).href)).default

test('a dataplane that is built is asked itself, with the hooks that lie beside its source', async (t) => {
  const path = await packageOf('built', {
    'src/index.js': dataplane('one'),
    'dist/index.js': dataplane('one'),
    'test/under-test.js': `import factory from '../src/index.js'\nexport default { factory, module: 'file:///src', ${hooks} }\n`,
  })
  const built = join(path, 'dist/index.js')
  const subject = await loadSubject(built)
  t.is(subject.factory as unknown, await factoryAt(built))
  t.is(subject.module, pathToFileURL(built).href)
  t.truthy(subject.hooks?.sabotage)
  t.is(subject.underTest, join(path, 'test/under-test.js'))
})

test('hooks of another dataplane are refused, and those that are named are taken', async (t) => {
  const path = await packageOf('two', {
    'src/one.js': dataplane('one'),
    'src/two.js': dataplane('two'),
    'test/under-test.js': `import factory from '../src/one.js'\nexport default { factory, ${hooks} }\n`,
    'test/two.js': `import factory from '../src/two.js'\nexport default { factory, ${hooks} }\n`,
  })
  const two = join(path, 'src/two.js')
  const error = await t.throwsAsync(loadSubject(two), {
    message: /test\/under-test\.js is about the dataplane one, and .*two\.js is two$/,
  })
  t.like(error, { code: 'EVALUATION_IMPOSSIBLE' })
  t.is((await loadSubject(two, join(path, 'test/two.js'))).factory as unknown, await factoryAt(two))
})

test('what its author has made ready for a lab stands for it, where it says so', async (t) => {
  const { factory, module, hooks: given } = await loadSubject('ebpf')
  t.is(factory.name, 'ebpf')
  t.regex(module ?? '', /dataplanes\/ebpf\/test\/lab-dataplane\.ts$/)
  t.is(factory as unknown, await import(module ?? '').then((one) => one.default))
  t.truthy(given?.foreign)
})

test('a package without hooks has none', async (t) => {
  const path = await packageOf('bare', { 'index.js': dataplane('bare') })
  t.like(await loadSubject(`${join(path, 'index.js')}?mark=1`), {
    settings: { mark: '1' },
    underTest: undefined,
  })
})
