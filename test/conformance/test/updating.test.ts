import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import { execa } from 'execa'
import { isUpdating } from '../updating.ts'

test('a person may have expected output written anew, continuous integration may not', (t) => {
  t.false(isUpdating('UPDATE_GOLDEN', {}))
  t.false(isUpdating('UPDATE_GOLDEN', { CI: 'true', UPDATE_DOCS: '1' }))
  t.true(isUpdating('UPDATE_GOLDEN', { UPDATE_GOLDEN: '1', CI: 'false' }))
  for (const CI of ['true', '1', 'some-service'])
    t.throws(() => isUpdating('UPDATE_DOCS', { UPDATE_DOCS: '1', CI }), {
      message: /UPDATE_DOCS=1 .* CI is set/,
    })
})

test('a golden file is not written where CI is set', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-golden-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const script = `
    const { asGolden } = await import(${JSON.stringify(import.meta.resolve('../golden.ts'))})
    await asGolden(new URL(${JSON.stringify(`${pathToFileURL(folder)}/`)}), 'file', process.argv[1])`
  const write = (CI: string) =>
    execa(process.execPath, ['--input-type=module', '--eval', script, 'text'], {
      env: { CI, UPDATE_GOLDEN: '1' },
      reject: false,
    })
  const refused = await write('true')
  t.regex(refused.stderr, /unset it where CI is set/)
  t.deepEqual(await readdir(folder), [])
  t.is((await write('')).exitCode, 0)
  t.deepEqual(await readdir(folder), ['file'])
})
