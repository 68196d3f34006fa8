import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isUpdating } from '@portolan/conformance/updating'
import test from 'ava'
import { execa } from 'execa'

/**
 * What the pages show is what the program prints: each `console` block that begins with `$ npx portolan` is run.
 * `UPDATE_DOCS=1 npx ava docs/documented-output.test.ts` writes the blocks anew: read the diff.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const pages = [
  'README.md',
  'docs/install.md',
  'docs/operating.md',
  'docs/check.md',
  'docs/nftables-layout.md',
  'docs/writing-a-dataplane.md',
]
const block = /^```console\n\$ npx portolan ([^\n|]+)\n([\s\S]*?)^```$/gm

test('every documented command prints what its page shows', async (t) => {
  // Each is a process of its own.
  t.timeout(900_000)
  let blocks = 0
  for (const page of pages) {
    const path = `${root}/${page}`
    const text = await readFile(path, 'utf8')
    let updated = text
    for (const [whole, args = '', shown] of text.matchAll(block)) {
      blocks++
      const argv = ['core/cli/portolan.js', ...args.trim().split(/\s+/)]
      // Of some the exit code is a part of the answer.
      const { stdout } = await execa(process.execPath, argv, { cwd: root, reject: false })
      if (isUpdating('UPDATE_DOCS')) {
        updated = updated.replace(whole, () => `\`\`\`console\n$ npx portolan ${args}\n${stdout}\n\`\`\``)
      } else {
        t.is(shown, `${stdout}\n`, `${page}: portolan ${args}`)
      }
    }
    if (updated !== text) await writeFile(path, updated)
  }
  t.true(blocks > 2)
})
