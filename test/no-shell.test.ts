/** Holds what runs on a node to starting programs by argument vectors: names from the cluster never meet a shell. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const listing = await promisify(execFile)('git', ['ls-files', 'core', 'native', 'dataplanes'], { cwd: root })
const product = listing.stdout
  .trim()
  .split('\n')
  .filter((path) => /\.[jt]s$/.test(path) && !path.includes('/test/'))
const sources = await Promise.all(
  product.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })),
)

/** What hands a string to a shell: `exec`, `execSync`, execa's `$` and `execaCommand`, and the option `shell`. */
const shell =
  /\bshell\s*:|(?:\b(?:exec|execSync|execaCommand|execaCommandSync)|\$)\s*[,}][^\n]*from '(?:node:child_process|execa)'/

test('no shell is started', (t) => {
  t.true(sources.length > 300)
  for (const { path, text } of sources) t.notRegex(text, shell, path)
  t.regex("import { exec } from 'node:child_process'", shell)
  t.regex("import { $, execa } from 'execa'", shell)
})

test('who starts programs looks for them in the folders of the system, whatever the PATH', (t) => {
  const starting = sources.filter(({ text }) => /from '(?:node:child_process|execa)'/.test(text))
  t.true(starting.length >= 2)
  for (const { path, text } of starting) t.regex(text, /PATH: [\s\S]*'\/usr\/|'\/usr\/[\s\S]*PATH: /, path)
})
