/**
 * Runs every test and closes with one plain line, `N passed, N failed`. Arguments go to ava: files, `--match`.
 * What a test logs (the conformance matrix) is shown with it.
 *
 * Nothing here waits for ever: a file from which nothing is heard is ended and has failed, the others go on; and all of
 * it has a limit, after which what ran is named. ava's own timeout is not enough: it fires no more once it has fallen
 * into the time that a test with a timeout of its own was given.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { killTree, type RunningFile, runningFiles } from './running-files.ts'

/** Longer than any test, and any scenario of the kit on another kernel, goes without a result. */
const silenceMinutes = 20
const limitMinutes = 75
/** Between two lines of progress, where the output is no terminal. */
const progressMinutes = 2

const root = fileURLToPath(new URL('..', import.meta.url))
const ava = spawn('ava', ['--tap', ...process.argv.slice(2)], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
})

let passed = 0
let skipped = 0
/** What failed, named once more at the end: between the first line and the last there are thousands. */
const failures: string[] = []
/** Inside the YAML block in which ava tells what went wrong. */
let inDetails = false
const showProgress = process.stdout.isTTY
const begun = performance.now()
let heardAt = begun
let toldAt = begun

const watch = setInterval(() => {
  if (ava.pid === undefined) return
  const now = performance.now()
  const minutes = (since: number) => (now - since) / 60_000
  if (minutes(begun) > limitMinutes) {
    failures.push(`not done within ${limitMinutes} minutes; running: ${list(runningFiles(ava.pid))}`)
    killTree(ava.pid)
  } else if (minutes(heardAt) > silenceMinutes) {
    heardAt = now
    const stuck = runningFiles(ava.pid)
    failures.push(`ended after ${silenceMinutes} minutes without a result: ${list(stuck)}`)
    for (const { pid } of stuck) killTree(pid)
  } else if (!showProgress && minutes(toldAt) > progressMinutes) {
    toldAt = now
    const running = list(runningFiles(ava.pid))
    console.log(
      `${Math.round(minutes(begun))} min: ${passed} passed, ${failures.length} failed; running: ${running}`,
    )
  }
}, 5000)

for await (const line of createInterface({ input: ava.stdout })) {
  heardAt = performance.now()
  const result = /^(ok|not ok) \d+ - (.*)$/.exec(line)
  if (result !== null) {
    const [, verdict, name = ''] = result
    if (verdict === 'ok' && /# SKIP|# TODO/i.test(name)) skipped++
    else if (verdict === 'ok') passed++
    if (verdict === 'not ok') {
      failures.push(name)
      console.log(`\n✘ ${name}`)
    } else if (showProgress) {
      process.stdout.write(`\r${passed} passed, ${failures.length} failed`)
    }
  } else if (line.trim() === '---') {
    inDetails = true
  } else if (line.trim() === '...') {
    inDetails = false
  } else if (inDetails) {
    console.log(line)
  } else if (/^\s*#\s{2,}/.test(line)) {
    console.log(line.replace(/^\s*#\s{2}/, ''))
  }
}

const status = await new Promise<number>((resolve) => {
  if (ava.exitCode !== null || ava.signalCode !== null) resolve(ava.exitCode ?? 1)
  else ava.once('close', (code) => resolve(code ?? 1))
})
clearInterval(watch)
// A crash, or a file that never ended, is no test to ava, and must not look like success.
if (status !== 0 && failures.length === 0)
  failures.push(`ava ended with status ${status} although no test failed`)
console.log()
for (const name of failures) console.log(`✘ ${name}`)
console.log(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failures.length === 0 ? 0 : 1

function list(files: readonly RunningFile[]): string {
  return files.map(({ file, seconds }) => `${file} (${seconds} s)`).join(', ') || 'nothing'
}
