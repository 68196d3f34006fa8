import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In the environment of every test file's process: where it notes how long it ran. */
const variable = 'PORTOLAN_TEST_TIMES'

/** How long a test file took, and what of a processor it used meanwhile: one that mostly waits leaves it to others. */
interface FileTime {
  /** From the project's root. */
  readonly file: string
  readonly milliseconds: number
  /** Of all that it has started, too; `undefined`: not known. */
  readonly cpuMilliseconds: number | undefined
}

/** Called by a test file's process when its last test has ended. Nothing is noted where `noteTimes` wasn't asked for. */
export function noteTime(time: FileTime): void {
  const path = process.env[variable]
  if (path !== undefined) appendFileSync(path, `${JSON.stringify(time)}\n`)
}

/** How long each test file took: what the order in ava.config.js is made from. */
export function noteTimes(): {
  readonly env: NodeJS.ProcessEnv
  /** The slowest ones, a line each, and all of them together; removes the notes. */
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
      const times = lines
        .map((line) => JSON.parse(line) as FileTime)
        .sort((one, other) => other.milliseconds - one.milliseconds)
      const all: FileTime = {
        file: `all ${times.length} files`,
        milliseconds: sum(times.map(({ milliseconds }) => milliseconds)),
        cpuMilliseconds: sum(times.map(({ cpuMilliseconds = 0 }) => cpuMilliseconds)),
      }
      return [...times.slice(0, count), all].map(lineOf)
    },
  }
}

function lineOf({ file, milliseconds, cpuMilliseconds }: FileTime): string {
  return `${seconds(milliseconds)} s, ${seconds(cpuMilliseconds)} s of CPU  ${file}`
}

function seconds(milliseconds: number | undefined): string {
  return (milliseconds === undefined ? '?' : (milliseconds / 1000).toFixed(1)).padStart(7)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
