import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { events } from '../core/log/events.ts'
import { eventTable } from './event-table.ts'
import { checkGenerated } from './generated-part.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the page on operating lists all events', async (t) => {
  await checkGenerated(t, `${root}/docs/operating.md`, 'the events of log lines', eventTable())
})

/** An event that no line reports would be a broken promise to those who alert on it. */
test('every event is logged somewhere, and at the level that the table says', async (t) => {
  const { stdout } = await promisify(execFile)('git', ['ls-files', 'core/*.ts'], { cwd: root })
  const sources = stdout
    .trim()
    .split('\n')
    .filter((path) => !path.endsWith('.test.ts') && !path.endsWith('/events.ts'))
  const text = (await Promise.all(sources.map((path) => readFile(join(root, path), 'utf8')))).join('\n')
  for (const [name, { level }] of Object.entries(events)) {
    t.true(text.includes(`event: '${name}'`), `no line reports ${name}`)
    for (const [call, logged] of text.matchAll(
      new RegExp(`logger\\??\\.(\\w+)\\(\\s*\\{\\s*event: '${name}'`, 'g'),
    ))
      t.is(logged, level, call)
  }
})
