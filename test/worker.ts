/**
 * Loaded by ava into the process of every test file (see ava.config.js). Gives it the file's name, by which `ps` and
 * run.ts know it, mounts and a cgroup of its own, and ends it when something is left over that would keep it alive: ava
 * waits for it, for ever.
 */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { registerCompletionHandler } from 'ava'
import { takeOwnCgroup } from './own-cgroup.ts'
import { takeOwnMounts } from './own-mounts.ts'
import { titleOf } from './running-files.ts'
import { noteTime } from './slowest-files.ts'

const file = relative(fileURLToPath(new URL('..', import.meta.url)), fileURLToPath(test.meta.file))
process.title = titleOf(file)
takeOwnMounts()
takeOwnCgroup()

const graceSeconds = Number(process.env.PORTOLAN_TEST_GRACE_SECONDS ?? 30)

registerCompletionHandler(() => {
  noteTime(file, performance.now())
  setTimeout(() => {
    const holding = process.getActiveResourcesInfo().join(', ')
    process.stderr.write(`${file} still runs ${graceSeconds} s after its last test; it holds: ${holding}\n`)
    process.exit(1)
  }, graceSeconds * 1000).unref()
})
