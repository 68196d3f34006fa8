import { readdirSync, readFileSync } from 'node:fs'

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
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  return descendants(ancestor)
    .flatMap(({ pid, startedAt }) => {
      const title = read(`/proc/${pid}/cmdline`).replace(/\0.*$/s, '')
      const seconds = Math.round(uptime - startedAt)
      return title.startsWith(prefix) ? [{ pid, file: title.slice(prefix.length).trim(), seconds }] : []
    })
    .sort((one, other) => other.seconds - one.seconds)
}

/** Ends a process and all that it has started, at once. */
export function killTree(ancestor: number): void {
  // Found before the first is gone: then the others are init's.
  for (const { pid } of [{ pid: ancestor }, ...descendants(ancestor)]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** `startedAt` is in seconds since the machine's start. */
interface Process {
  readonly pid: number
  readonly parent: number
  readonly startedAt: number
}

/** The kernel's clock ticks by which /proc counts, a second (USER_HZ, proc(5)). */
const ticksPerSecond = 100

function descendants(ancestor: number): readonly Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Process[] => {
      // A program's name is in parentheses and may hold anything.
      const fields = /\) (.*)$/s.exec(read(`/proc/${name}/stat`))?.[1]?.split(' ')
      return fields === undefined
        ? []
        : [{ pid: Number(name), parent: Number(fields[1]), startedAt: Number(fields[19]) / ticksPerSecond }]
    })
  const below = (pid: number): Process[] =>
    all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid)])
  return below(ancestor)
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
