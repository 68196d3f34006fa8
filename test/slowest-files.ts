import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In the environment of every test file's process: where it notes how long it ran. */
const variable = 'PORTOLAN_TEST_TIMES'

/** Called by a test file's process when its last test has ended. Nothing is noted where `noteTimes` wasn't asked for. */
export function noteTime(file: string, milliseconds: number): void {
  const path = process.env[variable]
  if (path !== undefined) appendFileSync(path, `${Math.round(milliseconds)} ${file}\n`)
}

/** How long each test file took: what the order in ava.config.js is made from. */
export function noteTimes(): {
  readonly env: NodeJS.ProcessEnv
  /** The slowest ones, a line each; removes the notes. */
  end(count: number): readonly string[]
} {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-test-times-'))
  const path = join(folder, 'times')
  appendFileSync(path, '')
  return {
    env: { ...process.env, [variable]: path },
    end(count) {
      const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
      rmSync(folder, { recursive: true, force: true })
      return lines
        .map((line) => [Number.parseInt(line, 10), line.slice(line.indexOf(' ') + 1)] as const)
        .sort(([one], [other]) => other - one)
        .slice(0, count)
        .map(([milliseconds, file]) => `${(milliseconds / 1000).toFixed(1).padStart(7)} s  ${file}`)
    },
  }
}
