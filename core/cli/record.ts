import { parseFlags } from '../config/flags.ts'
import { openSource } from '../proxy/open-source.ts'
import type { ClusterSource } from '../source/cluster-source.ts'
import {
  anonymousRecords,
  chooseNodeLoad,
  plainRecords,
  Recorder,
  RecordingFile,
} from '../source/recording/index.ts'
import { environment } from './environment.ts'
import { exitCodes, UserError, usageError } from './user-error.ts'
import { warningsTo } from './warnings.ts'

/** The flags as written on the command line. */
export interface RecordFlags {
  readonly output: string
  readonly minutes: string
  readonly kubeconfig?: string
  readonly source?: string
  readonly recordingSpeed?: string
  readonly plain?: boolean
}

/** Milliseconds. `list`: until all kinds of object must be complete. */
const timeouts = { list: 300_000 }
/** Milliseconds between two looks at how far it is: rewritten on a terminal, a line each elsewhere. */
const progressEvery = { terminal: 1_000, elsewhere: 30_000 }
/** Milliseconds after which what was recorded is in the file, so that a kill costs no more. */
const flushEvery = 5_000
/** Minutes: a week. */
const longest = 7 * 24 * 60

/**
 * Records a cluster's Services, endpoints and their changes into a file, for so many minutes or until Ctrl-C.
 *
 * @throws {UserError} when nothing can be recorded; no file is left then.
 */
export async function record(flags: RecordFlags): Promise<void> {
  const minutes = readMinutes(flags.minutes)
  const { source: from } = parseFlags(
    {
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
      ...(flags.source === undefined ? {} : { source: flags.source }),
      ...(flags.recordingSpeed === undefined ? {} : { recordingSpeed: flags.recordingSpeed }),
    },
    environment(),
  )
  const say = createTeller()
  const source = await openSource(from, undefined, warningsTo(say.line))
  const file = await createFile(flags.output)
  const recorder = new Recorder({
    output: file,
    records: flags.plain ? plainRecords : anonymousRecords(),
    names: flags.plain ? 'plain' : 'pseudonyms',
  })
  const stop = untilSignal()
  const looking = setInterval(() => say.progress(progressText(recorder, file, source)), say.every)
  const flushing = setInterval(() => file.flush(), flushEvery)
  let started = false
  try {
    await source.start(recorder)
    await Promise.race([recorder.complete, tooSlow(source, recorder), file.failed, stop.signalled])
    started = recorder.seconds > 0 && recorder.awaited.length === 0
    if (!started) throw new UserError('stopped before the lists were complete, so nothing was recorded')
    // A kill from here on costs changes, and not the cluster.
    file.flush()
    if (!stop.asked) await Promise.race([passed(minutes, stop.abort), file.failed, stop.signalled])
    // What was still being written when the signal came.
    await Promise.race([recorder.complete, file.failed])
    recorder.end()
    await file.close()
    say.line(summary(recorder, file, flags.plain === true))
  } catch (error) {
    if (!started) await file.discard()
    throw isFullDisk(error) ? fullDisk(file, error) : error
  } finally {
    clearInterval(looking)
    clearInterval(flushing)
    stop.forget()
    await source.stop()
  }
}

function readMinutes(text: string): number {
  const minutes = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (minutes > 0 && minutes <= longest) return minutes
  throw usageError(
    `--minutes '${text}': not a time`,
    `a number of minutes up to ${longest}, such as 10 or 0.5`,
  )
}

async function createFile(path: string): Promise<RecordingFile> {
  try {
    return await RecordingFile.create(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new UserError(`${path} is there already`, {
        fix: 'remove it, or name another file with -o',
        cause,
      })
    const fix = 'name a file in a folder that is there and that you may write to'
    throw new UserError(`can't write ${path}: ${message.split(',')[0]}`, { fix, cause })
  }
}

/** Ends early and in order on SIGINT and SIGTERM; the second one ends at once, and the file can be read up to there. */
function untilSignal() {
  const controller = new AbortController()
  const signalled = new Promise<void>((resolve) =>
    controller.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.failure)
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    signalled,
    abort: controller.signal,
    get asked() {
      return controller.signal.aborted
    },
    forget: () => {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}

function passed(minutes: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, minutes * 60_000)
    abort.addEventListener('abort', () => clearTimeout(timer), { once: true })
  })
}

function tooSlow(source: ClusterSource, recorder: Recorder): Promise<never> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => {
      const lists = recorder.awaited.join(', ')
      if (lists === '') return
      const message = `${source.description} gave no complete list of ${lists} within ${timeouts.list / 1000} s`
      reject(
        new UserError(message, { fix: 'see the lines above; is the address right, and may you list them?' }),
      )
    }, timeouts.list)
    timer.unref()
  })
}

/** Lines to stderr, and on a terminal one that is written over. */
function createTeller() {
  const terminal = process.stderr.isTTY === true
  let open = false
  const line = (text: string): void => {
    process.stderr.write(`${open ? '\r\x1b[K' : ''}portolan: ${text}\n`)
    open = false
  }
  const over = (text: string): void => {
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`)
    open = true
  }
  return {
    line,
    progress: terminal ? over : line,
    every: terminal ? progressEvery.terminal : progressEvery.elsewhere,
  }
}

function progressText(recorder: Recorder, file: RecordingFile, { description }: ClusterSource): string {
  const { counts, awaited } = recorder
  if (awaited.length > 0)
    return `${description}: ${counts.services} Services, ${counts.endpoints} endpoints, waiting for ${awaited.join(', ')}`
  return `${Math.round(recorder.seconds)} s: ${sizes(recorder, file)}`
}

function sizes({ counts }: Recorder, file: RecordingFile): string {
  return (
    `${counts.services} Services, ${counts.endpoints} endpoints, ${counts.nodes} Nodes, ` +
    `${counts.events} events, ${file.bytes} bytes`
  )
}

function summary(recorder: Recorder, file: RecordingFile, plain: boolean): string {
  const loads = recorder.nodeLoads
  const named = (['most', 'median'] as const).flatMap((which) => {
    const load = chooseNodeLoad(loads, which)
    return load === undefined ? [] : [`\n  node with ${which} endpoints: ${load.node} (${load.endpoints})`]
  })
  const names = plain
    ? 'names and addresses are real'
    : 'names and addresses are pseudonyms; ports, sizes and times are real'
  const { problems } = recorder.counts
  const left = problems === 0 ? '' : `\n  ${problems} values that can't be used were left out`
  return `${file.path}: ${Math.round(recorder.seconds)} s, ${sizes(recorder, file)}; ${names}${named.join('')}${left}`
}

function isFullDisk(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT', 'EIO'].includes(String(error.code))
}

function fullDisk(file: RecordingFile, cause: NodeJS.ErrnoException): UserError {
  const message = `can't write ${file.path}: ${cause.message.split(',')[0]}`
  return new UserError(message, {
    fix: 'what was recorded before can be read; make room and record again',
    cause,
  })
}
