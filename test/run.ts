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
let failed = 0
let skipped = 0
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
      failed++
      console.log(`\n✘ ${name}`)
    } else if (showProgress) {
      process.stdout.write(`\r${passed} passed, ${failed} failed`)
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
// A crash that ava counts as no test must not look like success.
if (status !== 0 && failed === 0) failed = 1
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed === 0 ? 0 : 1
