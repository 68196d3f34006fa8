/**
 * Loaded by ava into the process of every test file (see ava.config.js). Gives it the file's name, by which `ps` and
 * run.ts know it, mounts and a cgroup of its own, and ends it where ava would wait for it for ever: when something is left
 * over that keeps it alive, and when ava has lost the message that its tests are done.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { registerCompletionHandler } from 'ava'
import { exitAtOnce } from '../core/cli/exit-at-once.ts'
import { openHandles } from './open-handles.ts'
import { cpuTimeOfOwnCgroup, takeOwnCgroup } from './own-cgroup.ts'
import { takeOwnMounts } from './own-mounts.ts'
import { titleOf } from './running-files.ts'
import { noteTime } from './slowest-files.ts'
import { noteUnreleased } from './unreleased-files.ts'

const path = fileURLToPath(test.meta.file)
const file = relative(fileURLToPath(new URL('..', import.meta.url)), path)
process.title = titleOf(file)
takeOwnMounts()
takeOwnCgroup()

const graceSeconds = Number(process.env.PORTOLAN_TEST_GRACE_SECONDS ?? 30)

let release: NodeJS.Timeout | undefined

/**
 * Whether the file awaits something before it declares its tests. ava begins in the turn after the first declaration, and
 * takes none that comes later: a hook that is declared here would shut out the file's own tests.
 */
const awaitsFirst = /^(?![\s/*]).*\bawait\b/m.test(readFileSync(path, 'utf8'))

if (!awaitsFirst) {
  // The last hook: what comes after it is between ava's two processes. Closing what a file has opened may take its time.
  test.after.always(() => {
    release = setTimeout(
      () => {
        process.stderr.write(`${file}: ava has not released the process; the file is run again\n`)
        noteUnreleased(file)
        process.kill(process.pid, 'SIGKILL')
      },
      4 * graceSeconds * 1000,
    ).unref()
  })
}

registerCompletionHandler(() => {
  clearTimeout(release)
  noteTime({ file, milliseconds: performance.now(), cpuMilliseconds: cpuTimeOfOwnCgroup() })
  setTimeout(() => {
    const holding = openHandles().join(', ')
    process.stderr.write(`${file} still runs ${graceSeconds} s after its last test; it holds: ${holding}\n`)
    process.exit(1)
  }, graceSeconds * 1000).unref()
  process.once('beforeExit', exitAtOnce)
})
