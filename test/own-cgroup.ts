import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { findCgroup } from '../dataplanes/ebpf/kernel/cgroup-root.ts'

const prefix = 'portolan-test-file-'

/**
 * Moves this process, with all that it starts, into a cgroup of its own, where the dataplane under test attaches its
 * programs at sockets (dataplanes/ebpf/test/lab-dataplane.ts), so that those of one test file don't run for the others'
 * sockets.
 * It goes when the process exits; those of killed ones, with the next test file.
 *
 * Where there is no cgroup2 that we may write to, nothing is done.
 */
export function takeOwnCgroup(): void {
  // That of who has started this process.
  delete process.env.PORTOLAN_TEST_CGROUP
  const root = findCgroup()
  if (root === undefined) return
  removeDead(root)
  const before = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
  const own = `${root}/${prefix}${process.pid}`
  try {
    mkdirSync(own)
    writeFileSync(`${own}/cgroup.procs`, String(process.pid))
  } catch {
    return
  }
  process.env.PORTOLAN_TEST_CGROUP = own
  process.on('exit', () => {
    try {
      writeFileSync(`${root}${before}/cgroup.procs`, String(process.pid))
      rmdirSync(own)
    } catch {
      // Something that it has started still runs.
    }
  })
}

/** Milliseconds of CPU of this process and all that it has started; `undefined`: it has no cgroup of its own. */
export function cpuTimeOfOwnCgroup(): number | undefined {
  const own = process.env.PORTOLAN_TEST_CGROUP
  if (own === undefined) return undefined
  const microseconds = /^usage_usec (\d+)$/m.exec(readFileSync(`${own}/cpu.stat`, 'utf8'))?.[1]
  return microseconds === undefined ? undefined : Number(microseconds) / 1000
}

function removeDead(root: string): void {
  for (const name of readdirSync(root)) {
    if (!name.startsWith(prefix) || isRunning(Number(name.slice(prefix.length)))) continue
    try {
      rmdirSync(`${root}/${name}`)
    } catch {
      // Another test file was quicker, or processes of the dead one still run.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
