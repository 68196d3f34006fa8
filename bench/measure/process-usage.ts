import { readFileSync } from 'node:fs'

/** What a process has used since it started, as seen from outside; so it fits any program. */
export interface ProcessUsage {
  /** CPU milliseconds of the process itself, good to 10. */
  readonly userMs: number
  readonly systemMs: number
  /** CPU milliseconds, user and system, of the programs that it has started and waited for. */
  readonly childrenMs: number
  readonly rssBytes: number
  readonly peakRssBytes: number
}

/** The kernel counts in these; the same on all of Linux's architectures that Node runs on. */
export const ticksPerSecond = 100

/** @throws ENOENT when there is no such process */
export function readProcessUsage(pid: number): ProcessUsage {
  // The name, in parentheses, may hold anything; after it come numbers (proc(5)).
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields
    .slice(11, 15)
    .map((ticks) => (Number(ticks) * 1000) / ticksPerSecond)
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    userMs: user,
    systemMs: system,
    childrenMs: childUser + childSystem,
    rssBytes: kilobytes(status, 'VmRSS') * 1024,
    peakRssBytes: kilobytes(status, 'VmHWM') * 1024,
  }
}

/** A line of /proc such as `VmRSS:     1234 kB`; 0 where there is none. */
export function kilobytes(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
}
