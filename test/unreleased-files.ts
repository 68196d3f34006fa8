import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** In the environment of every test file's process: where it notes that ava didn't release it. */
const variable = 'PORTOLAN_UNRELEASED_TEST_FILES'

/** Called by a test file's process that has told ava all its results and was never answered. */
export function noteUnreleased(file: string): void {
  const path = process.env[variable]
  if (path !== undefined) appendFileSync(path, `${file}\n`)
}

/**
 * Test files whose process has done its last test, but whose last words ava has lost: both then wait for each other, for
 * ever. What has become of their results can't be known, so they are run again.
 */
export function noteUnreleasedFiles(): {
  readonly env: NodeJS.ProcessEnv
  /** Those noted since it was last called. */
  take(): readonly string[]
  end(): void
} {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-unreleased-'))
  const path = join(folder, 'files')
  let taken = 0
  appendFileSync(path, '')
  return {
    env: { [variable]: path },
    take() {
      const files = readFileSync(path, 'utf8').split('\n').slice(taken, -1)
      taken += files.length
      return files
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  }
}
