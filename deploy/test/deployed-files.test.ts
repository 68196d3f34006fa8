import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isUpdating } from '@portolan/conformance/updating'
import test from 'ava'
import { execa } from 'execa'
import { parseAllDocuments } from 'yaml'
import { deployedFiles, textOf } from './deployed-files.ts'

/** `UPDATE_DEPLOY=1 npx ava deploy` writes the files anew: read the diff. */
const folder = fileURLToPath(new URL('..', import.meta.url))
const program = fileURLToPath(new URL('../../core/cli/portolan.js', import.meta.url))

for (const file of deployedFiles)
  test(`deploy/${file.path} is what the command in it prints`, async (t) => {
    const path = `${folder}${file.path}`
    if (isUpdating('UPDATE_DEPLOY')) await writeFile(path, textOf(file))
    const text = await readFile(path, 'utf8')
    t.is(text, textOf(file))
    const [, ...words] = file.command.split(' ')
    const { stdout } = await execa(process.execPath, [program, ...words])
    t.true(text.endsWith(`${stdout}\n`))
  })

test('the files are YAML without anchors, and every object has a name', async (t) => {
  for (const { path } of deployedFiles) {
    const text = await readFile(`${folder}${path}`, 'utf8')
    t.notRegex(text, /[&*][a-z]+\d/)
    for (const document of parseAllDocuments(text)) {
      t.deepEqual(document.errors, [])
      t.is(typeof document.getIn(['metadata', 'name']), 'string')
    }
  }
})

test('the command that is told nothing prints nothing, and says what is needed', async (t) => {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, 'install', '--print'], {
    reject: false,
  })
  t.deepEqual([exitCode, stdout], [2, ''])
  t.regex(stderr, /^portolan: --api-server: needed: .*\nportolan: --cluster-cidr: needed: /)
})

test('the command applies nothing by itself, and says so', async (t) => {
  const { exitCode, stderr } = await execa(process.execPath, [program, 'install'], { reject: false })
  t.is(exitCode, 2)
  t.regex(stderr, /add --print, read it, and apply it/)
})
