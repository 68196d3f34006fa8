/** What befalls a run of all tests: crashes, hangs, left-overs. With real processes; most of them only look like ava. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { runTests, type TestRun } from './run-tests.ts'
import { killTree, runningFiles, titleOf } from './running-files.ts'
import { noteTimes } from './slowest-files.ts'
import { noteUnreleasedFiles } from './unreleased-files.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A run of a program that is given as source text, in place of ava. */
async function run(source: string, waits: Partial<TestRun> = {}) {
  const printed: string[] = []
  const results = await runTests({
    command: [process.execPath, '--input-type=module', '--eval', source],
    cwd: root,
    silenceMs: 60_000,
    limitMs: 60_000,
    lookMs: 50,
    print: (line) => printed.push(line),
    ...waits,
  })
  return { failures: results.failures, closes: results.closingLines().at(-1), printed }
}

/**
 * Source text that starts a child which never ends; once that looks like a test file's process a first test passes, and
 * then its exit is awaited.
 */
const hangingFile = (file: string) => `
  import { spawn } from 'node:child_process'
  import { once } from 'node:events'
  const title = ${JSON.stringify(titleOf(file))}
  const script = \`process.title = \${JSON.stringify(title)}; console.log('up'); setInterval(() => {}, 1e6)\`
  const child = spawn(process.execPath, ['--eval', script])
  await once(child.stdout, 'data')
  console.log('ok 1 - before')
  const [, signal] = await once(child, 'exit')
  console.log('not ok 2 - ${file} exited due to ' + signal)
  console.log('ok 3 - after')
  process.exit(1)`

test('a run that ends badly without a failed test has failed', async (t) => {
  const { failures, closes } = await run(`console.log('ok 1 - fine'); process.exitCode = 3`)
  t.deepEqual(failures, ['ava ended with status 3 although no test failed'])
  t.is(closes, '1 passed, 1 failed, 0 skipped')
})

test('a run that is killed has failed', async (t) => {
  const { failures } = await run(`console.log('ok 1 - fine'); process.kill(process.pid, 'SIGKILL')`)
  t.deepEqual(failures, ['ava ended with signal SIGKILL although no test failed'])
})

test('a run that cannot start, or in which no test ran, has failed', async (t) => {
  const { failures } = await run('', { command: ['/nowhere/ava'] })
  t.regex(failures.join(), /ava ended with an error: .*ENOENT/)
  t.deepEqual((await run('')).failures, ['ava ran no test'])
})

test('a test file from which nothing is heard is ended by name, and the others go on', async (t) => {
  const { failures, closes } = await run(hangingFile('stuck.test.ts'), { silenceMs: 8000 })
  t.regex(failures[0] ?? '', /^ended after 8 s without a result: stuck\.test\.ts \(\d+ s\)$/)
  t.is(failures[1], 'stuck.test.ts exited due to SIGKILL')
  t.is(closes, '2 passed, 2 failed, 0 skipped')
})

test('a run that takes too long is ended with all that it has started, and what ran is named', async (t) => {
  const { failures, printed } = await run(hangingFile('slow.test.ts'), { limitMs: 8000, progressMs: 500 })
  t.deepEqual(
    failures.map((failure) => failure.replace(/\d+ s\)/, 'N s)')),
    ['not done within 8 s; running: slow.test.ts (N s)'],
  )
  t.true(printed.some((line) => line.includes('1 passed, 0 failed; running: slow.test.ts')))
})

test('a file whose end ava has lost runs again, and its second end counts', async (t) => {
  const times = [['a.test.ts'], []]
  const { failures, closes, printed } = await run(
    `const again = process.argv.includes('a.test.ts')
     console.log(again ? 'ok 1 - one' : 'ok 1 - other\\nnot ok 2 - a.test.ts exited due to SIGKILL')
     process.exitCode = again ? 0 : 1`,
    { takeUnreleased: () => times.shift() ?? [] },
  )
  t.deepEqual(failures, [])
  t.is(closes, '2 passed, 0 failed, 0 skipped')
  t.true(printed.includes('run again, since ava has lost their end: a.test.ts'))
})

test('a file whose end ava loses twice has failed, and so has a test of it that fails', async (t) => {
  const { failures } = await run(
    `console.log('not ok 1 - a.test.ts exited due to SIGKILL\\nnot ok 2 - broken'); process.exitCode = 1`,
    {
      takeUnreleased: () => ['a.test.ts'],
    },
  )
  t.deepEqual(failures, [
    'broken',
    'a.test.ts exited due to SIGKILL',
    'broken',
    'a.test.ts: ava has lost its end twice',
  ])
})

test('ava itself is ended when it says nothing and no test file runs', async (t) => {
  const { failures } = await run('setInterval(() => {}, 1e6)', { silenceMs: 500 })
  t.deepEqual(failures, ['ended after 0.5 s without a result: nothing'])
})

test('the processes of test files are found below another, and a tree is ended as a whole', async (t) => {
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', hangingFile('below.test.ts')])
  try {
    const found = async () => {
      for (const end = performance.now() + 60_000; performance.now() < end; ) {
        const [file] = runningFiles(parent.pid ?? 0)
        if (file !== undefined) return file
        await sleep(20)
      }
      return undefined
    }
    const file = await found()
    t.is(file?.file, 'below.test.ts')
    t.true((file?.seconds ?? -1) >= 0)
    killTree(parent.pid ?? 0)
    await once(parent, 'exit')
    for (const end = performance.now() + 60_000; isRunning(file?.pid ?? 0) && performance.now() < end; )
      await sleep(20)
    t.false(isRunning(file?.pid ?? 0))
    t.deepEqual(runningFiles(parent.pid ?? 0), [])
  } finally {
    parent.kill('SIGKILL')
  }
})

test('the real ava: results, gaps, crashes, what is left over, and how long each file took', async (t) => {
  t.timeout(600_000)
  const folder = mkdtempSync(join(tmpdir(), 'portolan-run-tests-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const files = {
    'package.json': '{ "type": "module" }',
    'ava.config.js': `export default { extensions: ['ts'], timeout: '4m', require: [${JSON.stringify(join(root, 'test/worker.ts'))}] }`,
    'passes.test.ts': `import test from 'ava'
      test('one', (t) => t.pass())
      test('two (declared gap)', (t) => t.pass())
      test.skip('three', (t) => t.pass())`,
    'fails.test.ts': `import test from 'ava'; test('four', (t) => t.is(1, 2))`,
    'crashes.test.ts': `import test from 'ava'
      test('five', () => process.kill(process.pid, 'SIGSEGV'))`,
    'unreleased.test.ts': `import test from 'ava'
      test('seven', (t) => t.pass())
      const send = process.send
      process.send = (message, ...rest) =>
        message.ava?.type === 'worker-finished' || send.call(process, message, ...rest)`,
    'awaits.test.ts': `import test from 'ava'
await new Promise((resolve) => setTimeout(resolve, 10))
test('eight', (t) => t.pass())`,
    'lingers.test.ts': `import test from 'ava'; setInterval(() => {}, 1e6); test('six', (t) => t.pass())`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const times = noteTimes()
  const unreleased = noteUnreleasedFiles()
  const { failures, closes } = await run('', {
    command: [join(root, 'node_modules/.bin/ava'), '--tap', '--no-worker-threads'],
    cwd: folder,
    env: { ...times.env, ...unreleased.env, PORTOLAN_TEST_GRACE_SECONDS: '3' },
    silenceMs: 300_000,
    limitMs: 300_000,
  })
  t.true(unreleased.take().join().endsWith('unreleased.test.ts'))
  unreleased.end()
  t.true(failures.some((name) => name.endsWith('unreleased.test.ts exited due to SIGKILL')))
  const slowest = times.end(10).join('\n')
  t.log(failures.join('; '))
  t.true(failures.some((name) => name.endsWith('four')))
  t.true(failures.some((name) => name.includes('crashes.test.ts') && name.includes('SIGSEGV')))
  t.true(failures.some((name) => name.includes('lingers.test.ts')))
  t.is(failures.length, 4)
  t.is(closes, '4 passed, 4 failed, 1 skipped')
  for (const file of ['passes', 'fails', 'lingers']) t.true(slowest.includes(`${file}.test.ts`))
  t.regex(slowest, /^ +[\d.]+ s, +[\d.]+ s of CPU {2}all \d files$/m)
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
