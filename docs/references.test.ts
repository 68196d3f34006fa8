import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'

const root = fileURLToPath(new URL('..', import.meta.url))
const files = (await promisify(execFile)('git', ['ls-files'], { cwd: root })).stdout.trim().split('\n')
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')

/** "SEMANTICS 5", "SEMANTICS 2, 6 and 8", "(SEMANTICS, 12)". */
const reference = /SEMANTICS,? (\d+(?:(?:, | and )\d+)*)/g

test('every section of the semantics that the code refers to exists', async (t) => {
  const headings = (await read('docs/semantics.md')).matchAll(/^## (\d+)\. /gm)
  const sections = new Set([...headings].map(([, number]) => number))
  let references = 0
  for (const path of files.filter((name) => /\.(ts|md|h|c)$/.test(name))) {
    for (const [whole, list = ''] of (await read(path)).matchAll(reference)) {
      references++
      for (const number of list.match(/\d+/g) ?? [])
        t.true(sections.has(number), `${path}: "${whole}": docs/semantics.md has no section ${number}`)
    }
  }
  t.true(references > 50)
})

test('every link between the pages leads to a file, and to a heading of it', async (t) => {
  const pages = files.filter((name) => name.endsWith('.md'))
  for (const page of pages) {
    const text = (await read(page)).replaceAll(/^```[\s\S]*?^```$/gm, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? page : normalize(join(dirname(page), path))
      const exists = files.some((name) => name === file || name.startsWith(`${file.replace(/\/$/, '')}/`))
      t.true(exists, `${page}: ${target}: no such file`)
      if (heading !== undefined && exists)
        t.true(anchorsOf(await read(file)).has(heading), `${page}: ${target}: no such heading`)
    }
  }
})

/** The anchors that a page's headings get where Markdown is shown. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.matchAll(/^#+ (.+)$/gm)
  return new Set(
    [...headings].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  )
}
