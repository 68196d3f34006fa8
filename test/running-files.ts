import { readFileSync } from 'node:fs'
import { processTree } from '../bench/external/process-tree.ts'
import { ticksPerSecond } from '../bench/measure/process-usage.ts'

/** A test file that runs, as ava's child process; worker.ts has given it its title. */
export interface RunningFile {
  readonly pid: number
  /** From the project's root. */
  readonly file: string
  /** Since it started. */
  readonly seconds: number
}

const prefix = 'test file '

/** The title of a test file's process. */
export function titleOf(file: string): string {
  return `${prefix}${file}`
}

/** Those that run below a process now, the oldest first. */
export function runningFiles(ancestor: number): readonly RunningFile[] {
  return processTree(ancestor)
    .flatMap((pid) => {
      const title = read(`/proc/${pid}/cmdline`).replace(/\0.*$/s, '')
      return title.startsWith(prefix)
        ? [{ pid, file: title.slice(prefix.length).trim(), seconds: secondsOf(pid) }]
        : []
    })
    .sort((one, other) => other.seconds - one.seconds)
}

/** Ends a process and all that it has started, at once. */
export function killTree(root: number): void {
  // Found before the first is gone: then the others are init's.
  for (const pid of processTree(root)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Since the process started, whole. */
function secondsOf(pid: number): number {
  const uptime = Number(read('/proc/uptime').split(' ')[0])
  // The name, in parentheses, may hold anything; after it come numbers (proc(5)).
  const stat = read(`/proc/${pid}/stat`)
  const startedAt = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) / ticksPerSecond
  return Math.round(uptime - startedAt)
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
