import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { newManifest } from '../manifest.ts'
import { namesOf, renamed } from '../names.ts'
import { createDataplane } from '../new-package.ts'

const folder = await mkdtemp(join(tmpdir(), 'portolan-create-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))

const names: readonly (readonly [asked: string, dataplane: string, name: string, where: string])[] = [
  ['vpp', 'vpp', 'portolan-dataplane-vpp', 'vpp'],
  ['user-space', 'user-space', 'portolan-dataplane-user-space', 'user-space'],
  ['portolan-dataplane-vpp', 'vpp', 'portolan-dataplane-vpp', 'portolan-dataplane-vpp'],
  ['@x/portolan-dataplane-vpp', 'vpp', '@x/portolan-dataplane-vpp', 'portolan-dataplane-vpp'],
  ['@x/dataplane-vpp', 'vpp', '@x/dataplane-vpp', 'dataplane-vpp'],
]
for (const [asked, dataplane, name, where] of names)
  test(`'${asked}' is the dataplane ${dataplane} of ${name}`, (t) => {
    t.deepEqual(namesOf(asked), { dataplane, package: name, folder: where })
  })

for (const asked of [
  '',
  'VPP',
  '7vpp',
  'vpp-',
  '../vpp',
  'a b',
  'x'.repeat(41),
  'nftables',
  '@x/portolan-dataplane-ebpf',
])
  test(`'${asked}' can't be a dataplane's name`, (t) => {
    t.like(
      t.throws(() => namesOf(asked)),
      { code: 'CREATE_NAME_INVALID' },
    )
  })

test('the new name stands in place of the old one, in kernel objects, text and class names', (t) => {
  const text = "class AcmeKernel { name = 'acme'; table = 'portolan-acme'; of = 'portolan-dataplane-acme' }"
  t.is(
    renamed(text, namesOf('@x/dataplane-user-space')),
    "class UserSpaceKernel { name = 'user-space'; table = 'portolan-user-space'; of = '@x/dataplane-user-space' }",
  )
})

const renamings: readonly (readonly [asked: string, kernel: string, className: string, name: string])[] = [
  ['acme-two', 'portolan-acme-two', 'AcmeTwoKernel', 'portolan-dataplane-acme-two'],
  ['@acme/dataplane-vpp', 'portolan-vpp', 'VppKernel', '@acme/dataplane-vpp'],
  ['@x/portolan-dataplane-acme', 'portolan-acme', 'AcmeKernel', '@x/portolan-dataplane-acme'],
]
for (const [asked, kernel, className, name] of renamings)
  test(`'${asked}', which has the template's own name in it, stands where it belongs and once`, (t) => {
    t.is(
      renamed('portolan-acme AcmeKernel portolan-dataplane-acme', namesOf(asked)),
      `${kernel} ${className} ${name}`,
    )
  })

for (const empty of [false, true])
  test(`the whole of ${empty ? 'a skeleton' : 'a dataplane'} is written, and nothing of the template's name is left`, async (t) => {
    const made = await createDataplane({ name: 'vpp', empty, folder: join(folder, `whole-${empty}`) })
    for (const path of [
      '.gitignore',
      '.github/workflows/test.yml',
      'README.md',
      'package.json',
      'src/index.ts',
    ])
      t.true(made.files.includes(path), path)
    for (const path of ['test/conformance.test.ts', 'test/program.test.ts', 'test/under-test.ts'])
      t.true(made.files.includes(path), path)
    t.true(made.files.some((path) => path.startsWith('test/golden/')))
    for (const path of made.files) t.notRegex(await readFile(join(made.folder, path), 'utf8'), /acme/i, path)
    const manifest = JSON.parse(await readFile(join(made.folder, 'package.json'), 'utf8'))
    t.is(manifest.name, 'portolan-dataplane-vpp')
    t.is(manifest.dependencies['@portolan/core'], '^0.1.0')
  })

test('what is in a folder already stays as it is', async (t) => {
  const taken = join(folder, 'taken')
  await mkdir(taken)
  await writeFile(join(taken, 'notes'), 'mine')
  const error = await t.throwsAsync(createDataplane({ name: 'vpp', folder: taken }))
  t.like(error, { code: 'CREATE_FOLDER_TAKEN' })
  t.is(await readFile(join(taken, 'notes'), 'utf8'), 'mine')
})

test('a fresh git repository is taken for an empty folder', async (t) => {
  const repository = join(folder, 'repository')
  await mkdir(join(repository, '.git'), { recursive: true })
  t.true((await createDataplane({ name: 'vpp', folder: repository })).files.length > 5)
})

test('a folder without archives is refused before anything is written', async (t) => {
  const error = await t.throwsAsync(
    createDataplane({ name: 'vpp', folder: join(folder, 'unwritten'), archives: folder }),
  )
  t.like(error, { code: 'CREATE_ARCHIVES_MISSING' })
  t.regex(error?.message ?? '', /no archive of @portolan\/core, /)
  await t.throwsAsync(readFile(join(folder, 'unwritten', 'package.json')))
})

test("the path of archives stays as it is, also where the template's name is in it", async (t) => {
  const archives = join(folder, 'acme', 'dist')
  await mkdir(archives, { recursive: true })
  const packages = ['portolan', ...['core', 'conformance', 'eval', 'native'].map((one) => `portolan-${one}`)]
  for (const name of packages) await writeFile(join(archives, `${name}-0.1.0.tgz`), '')
  const made = await createDataplane({ name: 'vpp', folder: join(folder, 'from-archives'), archives })
  const { name, dependencies } = JSON.parse(await readFile(join(made.folder, 'package.json'), 'utf8'))
  t.is(name, 'portolan-dataplane-vpp')
  t.is(dependencies['@portolan/core'], 'file:../acme/dist/portolan-core-0.1.0.tgz')
})

test("other people's packages keep the versions that the template was tested with", (t) => {
  const text = JSON.stringify({
    dependencies: { '@portolan/core': '0.1.0' },
    devDependencies: { ava: '^8.0.1', portolan: '0.1.0' },
  })
  const archives = new Map([['@portolan/core', 'file:core.tgz']])
  const made = JSON.parse(newManifest(text, '0.2.0', archives))
  t.deepEqual(made.dependencies, { '@portolan/core': 'file:core.tgz' })
  t.deepEqual(made.devDependencies, { ava: '^8.0.1', portolan: '^0.2.0' })
  t.deepEqual(made.overrides, { '@portolan/core': 'file:core.tgz' })
})
