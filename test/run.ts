/**
 * Runs every test and closes with one plain line, `N passed, N failed`. Arguments go to ava: files, `--match`.
 * What a test logs (the conformance matrix) is shown with it.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

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

for await (const line of createInterface({ input: ava.stdout })) {
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
  if (ava.exitCode !== null) resolve(ava.exitCode)
  else ava.once('close', (code) => resolve(code ?? 1))
})
// A crash, or a file that never ended, is no test to ava, and must not look like success.
if (status !== 0 && failures.length === 0)
  failures.push(`ava ended with status ${status} although no test failed`)
console.log()
for (const name of failures) console.log(`✘ ${name}`)
console.log(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failures.length === 0 ? 0 : 1
