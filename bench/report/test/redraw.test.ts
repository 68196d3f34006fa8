import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import type { BenchResults } from '../../results.ts'
import { renderReport } from '../index.ts'
import { redraw } from '../redraw.ts'

const example = fileURLToPath(new URL('../example-results.json', import.meta.url))

test('a report that is drawn from a file is the one that the run itself drew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-report-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const page = join(folder, 'report.html')
  const printed: string[] = []
  const out = { write: (text: string) => printed.push(text), columns: 100 }
  await redraw(example, page, { stdout: out, stderr: out })
  const results = JSON.parse(await readFile(example, 'utf8')) as BenchResults
  t.true((await readFile(page, 'utf8')) === renderReport(results))
  t.regex(printed.join(''), /^10,000 Services x 10 endpoints$/m)
})
