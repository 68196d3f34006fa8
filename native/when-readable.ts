import { constants } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { call } from './libc.ts'

const [setFlags, setOwner, setSignal] = [4, 8, 10]
const [nonBlocking, asynchronous] = [0o4000, 0o20000]

/** All who wait, for a signal doesn't say whose file it is about. */
const waiting = new Set<() => void>()

function tellAll(): void {
  for (const one of waiting) one()
}

/**
 * Calls back when a socket may have something to read: once or more often, also for nothing. In worker threads, to which
 * signals don't come, never: look from time to time besides. Makes the descriptor non-blocking.
 *
 * By a signal of the kernel's (O_ASYNC), because libuv polls no descriptor of a kind that it doesn't know, as of netlink,
 * and a thread that blocks in recv(2) could not be ended. By SIGURG in place of SIGIO: ignored where no handler is set, and
 * not among the signals that libraries take for the end of the process (signal-exit). The Go runtime uses it alike.
 *
 * @returns ends it; to be called before the descriptor is closed
 * @throws SystemCallError
 */
export function whenReadable(fd: number, callBack: () => void): () => void {
  if (!isMainThread) return () => {}
  if (waiting.size === 0) process.on('SIGURG', tellAll)
  waiting.add(callBack)
  const forget = () => {
    waiting.delete(callBack)
    if (waiting.size === 0) process.off('SIGURG', tellAll)
  }
  try {
    const doing = 'have a socket send signals'
    call('fcntl', doing, fd, setOwner, process.pid)
    call('fcntl', doing, fd, setSignal, constants.signals.SIGURG)
    call('fcntl', doing, fd, setFlags, nonBlocking | asynchronous)
  } catch (error) {
    forget()
    throw error
  }
  return forget
}
