import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { killTree, type RunningFile, runningFiles } from './running-files.ts'
import { TapResults } from './tap-results.ts'

export interface TestRun {
  /** ava, and its arguments; it has to write TAP. */
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  /** Without a result for so long, the test files that run are ended and have failed. Milliseconds, as all here. */
  readonly silenceMs: number
  /** For all of it. */
  readonly limitMs: number
  /** Between two lines of progress; `undefined`: none. */
  readonly progressMs?: number
  /** Between two looks at the above. */
  readonly lookMs: number
  readonly print: (line: string) => void
  /** Test files that have to run again, since their results were lost; asked when ava has ended, until there are none. */
  readonly takeUnreleased?: () => readonly string[]
  /** Told after each passed test, for a terminal. */
  readonly onPass?: (results: TapResults) => void
}

/**
 * Runs ava to its end and prints failures as they come, what tests log, and at last all failures again.
 *
 * Nothing here waits for ever: ava's own timeout is not enough, since it fires no more once it has fallen into the time
 * that a test with a timeout of its own was given.
 */
export async function runTests(run: TestRun): Promise<TapResults> {
  const results = new TapResults(run.print)
  const begun = performance.now()
  await runAva(run, [], results, begun)
  const again = new Set(run.takeUnreleased?.())
  if (again.size === 0) return results
  run.print(`run again, since ava has lost their end: ${[...again].join(', ')}`)
  results.withdraw(
    (failure) =>
      failure.endsWith(' exited due to SIGKILL') && [...again].some((file) => failure.includes(file)),
  )
  await runAva(run, [...again], results, begun)
  for (const file of run.takeUnreleased?.() ?? []) results.fail(`${file}: ava has lost its end twice`)
  return results
}

/** @param files arguments besides those of the command: files, in place of all */
async function runAva(
  run: TestRun,
  files: readonly string[],
  results: TapResults,
  begun: number,
): Promise<void> {
  const { command, silenceMs, limitMs, progressMs, print } = run
  const [file, ...args] = command
  const failuresBefore = results.failures.length
  const ava = spawn(file, [...args, ...files], {
    cwd: run.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(run.env === undefined ? {} : { env: run.env }),
  })
  const ended = endOf(ava)
  if (ava.stderr !== null)
    createInterface({ input: ava.stderr }).on('line', (line) => {
      results.readError(line)
      process.stderr.write(`${line}\n`)
    })
  let heardAt = performance.now()
  let toldAt = heardAt
  let isOver = false

  const watch = setInterval(() => {
    if (ava.pid === undefined || isOver) return
    const now = performance.now()
    if (now - begun > limitMs) {
      isOver = true
      results.fail(`not done within ${minutes(limitMs)}; running: ${list(runningFiles(ava.pid))}`)
      killTree(ava.pid)
    } else if (now - heardAt > silenceMs) {
      heardAt = now
      const stuck = runningFiles(ava.pid)
      results.fail(`ended after ${minutes(silenceMs)} without a result: ${list(stuck)}`)
      // Without a file to end it is ava itself that hangs.
      for (const { pid } of stuck) killTree(pid)
      if (stuck.length === 0) killTree(ava.pid)
    } else if (progressMs !== undefined && now - toldAt > progressMs) {
      toldAt = now
      print(`${minutes(now - begun)}: ${results.progress}; running: ${list(runningFiles(ava.pid))}`)
    }
  }, run.lookMs)

  try {
    if (ava.stdout !== null)
      for await (const line of createInterface({ input: ava.stdout })) {
        heardAt = performance.now()
        if (results.read(line)) run.onPass?.(results)
      }
    const end = await ended
    // A crash, or a file that never ended, is no test to ava, and must not look like success.
    if (end !== 'status 0' && results.failures.length === failuresBefore)
      results.fail(`ava ended with ${end} although no test failed`)
    if (end === 'status 0' && results.isEmpty) results.fail('ava ran no test')
  } finally {
    clearInterval(watch)
  }
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`an error: ${error.message}`))
    child.once('close', (code, signal) => resolve(code === null ? `signal ${signal}` : `status ${code}`))
  })
}

function minutes(milliseconds: number): string {
  return milliseconds < 60_000 ? `${milliseconds / 1000} s` : `${Math.round(milliseconds / 60_000)} min`
}

function list(files: readonly RunningFile[]): string {
  return files.map(({ file, seconds }) => `${file} (${seconds} s)`).join(', ') || 'nothing'
}
