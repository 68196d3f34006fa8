import { closeSync, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { call, SystemCallError } from './libc.ts'

/** O_DIRECTORY and O_CLOEXEC. */
const openFlags = 0o200000 | 0o2000000
const flock = { exclusive: 2, doNotWait: 4 }

/** A lock that this process holds until it releases it or ends, however it ends. */
export interface DirectoryLock {
  release(): void
}

/** Codes of {@link LockTimeoutError}: when it happens, and the fix. */
export const lockTimeoutErrorCodes = {
  LOCK_TIMEOUT: {
    when: 'another process has held the lock of a directory for too long',
    fix: 'look at the process that the message names, and end it if it hangs',
  },
} as const

/** Another process has held a lock for too long. */
export class LockTimeoutError extends Error {
  readonly code: keyof typeof lockTimeoutErrorCodes = 'LOCK_TIMEOUT'

  constructor(path: string, waitMs: number, holder: string) {
    super(`waited ${waitMs / 1000} s to be the only one to change ${path}, which ${holder} has locked`)
    this.name = 'LockTimeoutError'
  }
}

/**
 * Locks a directory against others that lock it by flock(2), in any container that sees the same one. Nothing is written,
 * so nothing is left behind, and there is no lock file that one container has and the other hasn't. A directory that
 * something else is mounted over, or that comes to light when it is unmounted, while we wait, is locked in its place.
 *
 * @throws LockTimeoutError naming who holds it
 * @throws SystemCallError, or what `open` does: there is no such directory, or we may not read it
 */
export async function lockDirectory(
  path: string,
  options: { readonly waitMs?: number; readonly pauseMs?: number } = {},
): Promise<DirectoryLock> {
  const { waitMs = 10_000, pauseMs = 20 } = options
  const deadline = performance.now() + waitMs
  for (;;) {
    const fd = openSync(path, openFlags)
    try {
      if (tryLock(fd, path)) {
        if (isSame(fstatSync(fd), statSync(path))) return lockOf(fd)
      } else if (performance.now() > deadline) {
        throw new LockTimeoutError(path, waitMs, holderOf(fstatSync(fd)))
      }
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    await sleep(pauseMs)
  }
}

function lockOf(fd: number): DirectoryLock {
  let isHeld = true
  return {
    release: () => {
      if (isHeld) closeSync(fd)
      isHeld = false
    },
  }
}

function tryLock(fd: number, path: string): boolean {
  try {
    call('flock', `lock ${path}`, fd, flock.exclusive | flock.doNotWait)
    return true
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'EAGAIN' || error.code === 'EINTR')) return false
    throw error
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino
}

/** As /proc/locks tells (proc_locks(5)). */
function holderOf({ dev, ino }: Stats): string {
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  const hex = (number: number) => number.toString(16).padStart(2, '0')
  const file = `${hex(major)}:${hex(minor)}:${ino}`
  const line = readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .map((text) => text.trim().split(/\s+/))
    .find((fields) => fields[1] === 'FLOCK' && fields[5] === file)
  const pid = line?.[4]
  // Of a process in a PID namespace that isn't below ours, the kernel tells nothing.
  if (pid === undefined || pid === '0') return 'a process that can not be seen from here'
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 200)
    return `process ${pid} (${command})`
  } catch {
    return `process ${pid}`
  }
}
