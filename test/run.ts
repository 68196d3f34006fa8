/**
 * Runs every test and closes with the slowest files, a line for people and one plain line,
 * `N passed, N failed, N skipped`. Arguments go to ava: files, `--match`. What a test logs is shown with it.
 */
import { fileURLToPath } from 'node:url'
import { findProgram } from './real-api-server/provide.ts'
import { runTests } from './run-tests.ts'
import { noteTimes } from './slowest-files.ts'
import { noteUnreleasedFiles } from './unreleased-files.ts'

const minute = 60_000
const compiled = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))
const times = noteTimes()
const unreleased = noteUnreleasedFiles()

const results = await runTests({
  command: ['ava', '--tap', ...process.argv.slice(2)],
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  // Files are compiled once for all the processes that tests start.
  env: { ...times.env, ...unreleased.env, NODE_COMPILE_CACHE: compiled },
  takeUnreleased: unreleased.take,
  // Longer than any test, and any scenario of the kit on another kernel, goes without a result.
  silenceMs: 20 * minute,
  limitMs: 75 * minute,
  lookMs: 5000,
  print: (line) => console.log(line),
  ...(process.stdout.isTTY
    ? { onPass: ({ progress }) => process.stdout.write(`\r${progress}`) }
    : { progressMs: 2 * minute }),
})

unreleased.end()
console.log('\nThe slowest files:')
for (const line of times.end(15)) console.log(line)
console.log(`\n${realApiServerLine()}`)
for (const line of results.closingLines()) console.log(line)
process.exitCode = results.failures.length === 0 ? 0 : 1

function realApiServerLine(): string {
  const found = findProgram('kube-apiserver')
  if ('program' in found) return `${results.againstRealApiServer} tests ran against the real API server`
  const why = 'failed' in found ? 'it could not be compiled' : found.unavailable
  return `no test ran against the real API server: ${why}`
}
