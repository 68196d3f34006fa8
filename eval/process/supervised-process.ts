import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sweepDeadLabs } from '@portolan/lab'

/** What every process of ours tells each second, so that one which holds its event loop is noticed. */
export interface Alive {
  readonly kind: 'alive'
}

export interface SupervisedProcess<Order, Report> {
  /** Path of the program. */
  readonly program: string
  /** What it is told, once. */
  readonly order: Order
  /** Milliseconds that any one call of a dataplane may take. */
  readonly callMs: number
  /** Told of all that it tells, but that it is alive. */
  onReport(report: Report): void
  /** Whether it has told all there was to tell. */
  isDone(): boolean
  /** Asks it to end. */
  readonly signal?: AbortSignal
  /** Milliseconds after that until it is killed; absent: it ends by itself. */
  readonly endMs?: number
}

/** Milliseconds until a process has loaded all that it works with, however busy the machine. */
const startMs = 120_000

/** Milliseconds that what a process has said may be on its way after its end. */
const lastWordsMs = 10_000

/**
 * Runs a program of ours with somebody's dataplane in it, which may hold the event loop or end the process. What its process
 * has left of virtual nodes is removed.
 *
 * @returns why it has ended before it was done, in words; `undefined`: it was done
 */
export async function superviseProcess<Order extends object, Report extends { readonly kind: string }>({
  program,
  order,
  callMs,
  onReport,
  isDone,
  signal,
  endMs,
}: SupervisedProcess<Order, Report>): Promise<string | undefined> {
  // It says every second that it is alive, and a busy machine may keep it from that for a while.
  const silenceMs = 4 * callMs
  // As JSON numbers without an end would be lost.
  const child = fork(program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
  const printed = lastLines(child)
  const closed = once(child, 'close')
  const exited = once(child, 'exit') as Promise<[code: number | null, signal: NodeJS.Signals | null]>
  let silence: NodeJS.Timeout | undefined
  let end: NodeJS.Timeout | undefined
  let isSilent = false
  const listen = (milliseconds: number): void => {
    clearTimeout(silence)
    silence = setTimeout(() => {
      isSilent = true
      child.kill('SIGKILL')
    }, milliseconds)
  }
  const abort = (): void => {
    child.kill('SIGTERM')
    if (endMs !== undefined) end ??= setTimeout(() => child.kill('SIGKILL'), endMs)
  }
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  child.on('message', (report: Report | Alive) => {
    listen(silenceMs)
    if (report.kind !== 'alive') onReport(report as Report)
  })
  listen(Math.max(silenceMs, startMs))
  child.send(order)
  const [code, killedBy] = await exited
  // What it has told, and its last words, come by other ways, but what it has started may hold these open for ever.
  await Promise.race([closed, sleep(lastWordsMs, undefined, { ref: false })])
  clearTimeout(silence)
  clearTimeout(end)
  signal?.removeEventListener('abort', abort)
  if (isDone()) return undefined
  await sweepDeadLabs()
  if (signal?.aborted) return 'it was interrupted'
  return isSilent
    ? `something has held the event loop for ${silenceMs / 1000} s and never returned: look for a loop without an end, or a call that waits without await`
    : `the process has ended (${killedBy ?? `exit code ${code}`}): ${printed() || 'it printed nothing'}`
}

/** The end of what a process prints, without the stack of a crash that is none of the dataplane's. */
function lastLines(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = `${text}${more}`.slice(-4000)
  })
  return () =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '' && !/^Node\.js v|node:internal|^\s+at .*node_modules/.test(line))
      .slice(-8)
      .join('\n')
}
