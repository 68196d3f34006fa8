import { readFileSync } from 'node:fs'

/** The kernel counts in these; the same on all of Linux's architectures that Node runs on. */
const ticksPerSecond = 100

/**
 * The CPU time that this process has used, with all its threads, and the programs that it has started and waited for, in
 * milliseconds since some moment; that of programs is good to 10. Where there is no `/proc`, they count for nothing.
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + ofPrograms()
}

function ofPrograms(): number {
  let stat: string
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    return 0
  }
  // The name, in parentheses, may hold anything; after it come numbers (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [user, system] = fields.slice(13, 15).map(Number)
  return (((user ?? 0) + (system ?? 0)) * 1000) / ticksPerSecond
}
