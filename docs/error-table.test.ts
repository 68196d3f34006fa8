import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { errorCodes, errorTable } from './error-table.ts'
import { checkGenerated } from './generated-part.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = (await promisify(execFile)('git', ['ls-files', '*.ts'], { cwd: root })).stdout
  .trim()
  .split('\n')
const sources = files.filter((path) => !path.endsWith('.test.ts') && !path.startsWith('docs/'))

test('the page of error codes has those of all error classes', async (t) => {
  const codes = await errorCodes(root, sources)
  t.true(codes.length > 40)
  await checkGenerated(t, `${root}/docs/errors.md`, 'the codes of all error classes', errorTable(codes))
})

test('every error class with a code has a table of its codes', async (t) => {
  const codes = await errorCodes(root, sources)
  const classes = new Set(codes.map(({ errorClass }) => errorClass))
  for (const path of sources) {
    const source = await readFile(join(root, path), 'utf8')
    for (const [body, name = '', base = ''] of source.matchAll(
      /^(?:export )?class (\w+) extends (\w*Error)\b(?:<.*>)? \{(?:\}|[\s\S]*?^\})/gm,
    )) {
      const own = base === 'CodedError' || /readonly code\b(?!: string\n)/.test(body)
      if (own) t.true(classes.has(name), `${path}: ${name} has a code, but no exported table of its codes`)
    }
  }
})

test('every code that the source names is on the page', async (t) => {
  const known = new Set((await errorCodes(root, sources)).map(({ code }) => code))
  for (const path of sources) {
    const source = await readFile(join(root, path), 'utf8')
    for (const [, code = ''] of source.matchAll(
      /(?:Error\(|super\(|code:|code =|code ===|code !==)\s*'([A-Z]+_[A-Z_]+)'/g,
    ))
      if (!code.startsWith('ERR_')) t.true(known.has(code), `${path}: ${code} is in no table of codes`)
  }
})

test('no code stands for two things', async (t) => {
  const codes = await errorCodes(root, sources)
  t.deepEqual(
    codes.map(({ code }) => code),
    [...new Set(codes.map(({ code }) => code))],
  )
})
